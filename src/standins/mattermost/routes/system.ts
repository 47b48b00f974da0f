import { publicRoute, type Route } from '../http.ts';

/** Whether the server is up; `get_server_status` adds its stores (facts §4.2). */
export function systemRoutes(): Route[] {
  return [
    publicRoute('GET', '/system/ping', (call) => {
      const wantsStores = call.query.get('get_server_status') === 'true';
      return {
        body: {
          ActiveSearchBackend: 'database',
          AndroidLatestVersion: '',
          AndroidMinVersion: '',
          IosLatestVersion: '',
          IosMinVersion: '',
          status: 'OK',
          ...(wantsStores ? { database_status: 'OK', filestore_status: 'OK' } : {}),
        },
      };
    }),
  ];
}
