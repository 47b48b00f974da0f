import { verify } from 'node:crypto';
import { ApiError } from './errors.ts';
import { asObject, type JsonObject, numberOf } from './json.ts';
import type { App } from './model.ts';
import type { State } from './state.ts';

/** GitHub takes an `exp` that is at most ten minutes away, and forgives a clock that is a minute ahead. */
const LONGEST_S = 600;
const SKEW_S = 60;

/** Whether it looks like a JSON web token and not like one of GitHub's own. */
export function isJwt(text: string): boolean {
  return text.split('.').length === 3;
}

/** The app that signed the token (RS256); otherwise GitHub's 401. */
export function appOfJwt(state: State, token: string, nowMs: number): App {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const claims = decode(payload);
  if (decode(head)?.['alg'] !== 'RS256' || !claims) throw refused('A JSON web token could not be decoded');
  const app = issuer(state, claims);
  const signed = Buffer.from(`${head}.${payload}`);
  if (!verify('sha256', signed, app.publicKey, Buffer.from(signature, 'base64url'))) {
    throw refused('A JSON web token could not be decoded');
  }
  checkTimes(claims, Math.floor(nowMs / 1000));
  return app;
}

function issuer(state: State, claims: JsonObject): App {
  const iss = String(claims['iss'] ?? '');
  const app = [...state.apps.values()].find((each) => iss === String(each.id) || iss === each.clientId);
  if (!app) throw new ApiError(404, 'Integration not found');
  return app;
}

function checkTimes(claims: JsonObject, now: number): void {
  const [iat, exp] = [numberOf(claims, 'iat'), numberOf(claims, 'exp')];
  if (iat === undefined || iat > now + SKEW_S) {
    throw refused(
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (exp === undefined || exp <= now) {
    throw refused(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + LONGEST_S + SKEW_S)
    throw refused("'Expiration time' claim ('exp') is too far in the future");
}

function decode(part: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}

function refused(message: string): ApiError {
  return new ApiError(401, message);
}
