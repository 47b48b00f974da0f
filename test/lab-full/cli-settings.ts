import assert from 'node:assert/strict';

/** The lines of .env with which a person uses the command for a fleet whose chat is the stand-in on its hub. */
export function cliSettings(decryptedVault: string, hubAddress: string): string {
  const secret = (field: string): string => {
    const [, value] = new RegExp(`^${field}: (\\S+)$`, 'm').exec(decryptedVault) ?? [];
    assert.ok(value, `${field} is not in the vault`);
    return value;
  };
  return `OLYMPUS_API_URL=http://${hubAddress}:8090
OLYMPUS_API_TOKEN=${secret('vault_control_api_token')}
OLYMPUS_MATTERMOST_URL=http://${hubAddress}:8065
OLYMPUS_MATTERMOST_TOKEN=${secret('vault_chat_human_token')}
OLYMPUS_MATTERMOST_TEAM=olympus
`;
}
