/**
 * A client of the Photogram API: fetch() with the types of the OpenAPI document.
 *
 *   const client = new Photogram("http://127.0.0.1:8000");
 *   await client.signIn("alice", "correct horse battery staple");
 *   const page = await client.request("get", "/v1/feed", { query: { limit: 20, variants: ["medium"] } });
 */
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;

/** The paths that have the method. */
type PathWith<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type Operation<M extends Method, P extends keyof paths> = NonNullable<paths[P][M]>;

type Success = 200 | 201 | 202 | 204;

/** The body of the successful response; undefined if there is none. */
type Result<O> = O extends { responses: infer R }
  ? { [S in keyof R & Success]: [Json<R[S]>] extends [never] ? undefined : Json<R[S]> }[keyof R & Success]
  : never;

type Path<O> = O extends { parameters: { path: infer P extends object } } ? { path: P } : { path?: never };
type Query<O> = O extends { parameters: { query?: infer Q } } ? { query?: NonNullable<Q> } : { query?: never };
type Body<O> = O extends { requestBody: infer B }
  ? { body: Json<B> }
  : O extends { requestBody?: infer B }
    ? { body?: Json<NonNullable<B>> }
    : { body?: never };

/**
 * What a request consists of. An `idempotencyKey` makes it safe to repeat a request that creates something. For each
 * operation by itself: the compiler would combine the parts of all of them.
 */
type Options<O> = O extends unknown ? Path<O> & Query<O> & Body<O> & { idempotencyKey?: string } : never;
type Request = { path?: object; query?: object; body?: unknown; idempotencyKey?: string };

/** An error response, or a response that is not JSON. Switch on `problem?.code`. */
export class PhotogramError extends Error {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** Undefined if the response does not come from the API, for example if it is a page of a proxy. */
    readonly problem: Schemas["Problem"] | undefined,
    /** Seconds to wait before the next attempt. */
    readonly retryAfter: number | undefined,
  ) {
    super(problem ? `${status} ${problem.code}: ${problem.detail}` : `${status}: not a response of the API`);
  }
}

export class Photogram {
  #tokens: Schemas["TokenPair"] | undefined;

  constructor(private readonly url: string) {}

  async signIn(login: string, password: string, code?: string): Promise<Schemas["Me"]> {
    const body = { grant_type: "password" as const, login, password, ...(code ? { code } : {}) };
    this.#tokens = await this.request("post", "/v1/auth/token", { body });
    return this.#tokens.user;
  }

  /** Sends a request. Refreshes the access token if it has expired. Throws PhotogramError. */
  request<M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    options: Options<Operation<M, P>>,
  ): Promise<Result<Operation<M, P>>>;
  async request(method: Method, path: string, options: Request): Promise<unknown> {
    try {
      return await this.#send(method, path, options);
    } catch (error) {
      const refresh = this.#tokens?.refresh;
      if (!(error instanceof PhotogramError) || error.problem?.code !== "invalid_token" || !refresh) throw error;
      this.#tokens = undefined;
      this.#tokens = await this.request("post", "/v1/auth/token", { body: { grant_type: "refresh_token", refresh } });
      return await this.#send(method, path, options);
    }
  }

  /** Uploads a photo and returns its id, which `POST /v1/posts` takes. */
  async upload(photo: Blob, altText: string): Promise<string> {
    const { media_id, upload } = await this.request("post", "/v1/media/upload", {
      body: { content_type: photo.type, bytes: photo.size, alt_text: altText },
      idempotencyKey: crypto.randomUUID(),
    });
    const put = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: photo });
    if (!put.ok) throw new Error(`Object storage answered ${put.status}.`);
    await this.request("post", "/v1/media/upload/{media_id}/complete", { path: { media_id } });
    return media_id;
  }

  async #send(method: Method, template: string, options: Request): Promise<unknown> {
    const headers = new Headers();
    if (this.#tokens) headers.set("Authorization", `Bearer ${this.#tokens.access}`);
    if (options.body !== undefined) headers.set("Content-Type", "application/json");
    if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
    const response = await fetch(this.url + filled(template, options.path) + queryString(options.query), {
      method: method.toUpperCase(),
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
    });
    const text = await response.text();
    const body = parsed(text);
    if (response.ok && (body !== undefined || !text)) return body;
    throw new PhotogramError(response.status, isProblem(body) ? body : undefined, retryAfter(response));
  }
}

/** The value of a JSON text; undefined if it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(body: unknown): body is Schemas["Problem"] {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** Proxies may send a date instead of seconds. */
function retryAfter(response: Response): number | undefined {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return Number.isNaN(seconds) ? undefined : seconds;
}

function filled(template: string, values: object = {}): string {
  const fill = (path: string, [name, value]: [string, string]) => path.replace(`{${name}}`, encodeURIComponent(value));
  return Object.entries(values).reduce(fill, template);
}

/** Lists are separated by commas. */
function queryString(values: object = {}): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  return pairs.length ? `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : "";
}
