import { Policies } from '#core/policy.ts';
import { ConfigError } from '#lib/config.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';

/**
 * The policies of the fleet; undefined without a file. Throws a ConfigError with file, line and field of each mistake: a
 * control plane that does not know what is gated does not run.
 */
export function readPolicies(file: string | undefined): Policies | undefined {
  if (file === undefined) return undefined;
  try {
    return readYaml(file, Policies);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ConfigError(`OLYMPUS_POLICIES_FILE: these policies cannot be used.\n${error.message}`);
  }
}
