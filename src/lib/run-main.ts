import { ConfigError, EX_CONFIG } from './config.ts';
import { YamlError } from './yaml.ts';

/**
 * Runs the body of a program's main.ts. A wrong setting or file ends it with a sentence on standard error and exit
 * code 78; anything else rises.
 */
export async function runMain(program: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof YamlError)) throw error;
    process.stderr.write(
      `${program} cannot start:\n${error.message}\ndocs/reference/configuration.md says what each setting means.\n`,
    );
    process.exitCode = EX_CONFIG;
  }
}
