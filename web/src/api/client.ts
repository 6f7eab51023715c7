// Reading the API over HTTP: stores and single views, with every failure told as an ApiFailure.
import type { AnyViewResponse, ApiError, Selection, Store, ViewName } from "./types";
import { VIEW_NAMES } from "./types";

/** A request that did not succeed. `status` is 0 when the server could not be reached. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly error: ApiError;

  constructor(status: number, error: ApiError) {
    super(error.message);
    this.name = "ApiFailure";
    this.status = status;
    this.error = error;
  }

  get unauthorized(): boolean {
    return this.status === 401;
  }
}

const UNREACHABLE: ApiError = {
  code: "unreachable",
  message: "Tradewind cannot be reached.",
  hint: "Check that it is still running; this page reconnects by itself.",
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Messages of the API are lowercase fragments, made to be embedded; here they stand alone. */
function standalone(fragment: string): string {
  return fragment.charAt(0).toUpperCase() + fragment.slice(1);
}

function readError(status: number, body: unknown): ApiError {
  if (isObject(body) && isObject(body.error) && typeof body.error.message === "string") {
    const { code, message, hint } = body.error;
    return {
      code: typeof code === "string" ? code : "error",
      message: standalone(message),
      hint: typeof hint === "string" ? standalone(hint) : null,
    };
  }
  return { code: "error", message: `The server answered with status ${status}.`, hint: null };
}

async function getJson(path: string, signal?: AbortSignal): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, {
      headers: { accept: "application/json" },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch {
    throw new ApiFailure(0, UNREACHABLE);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new ApiFailure(response.status, readError(response.status, body));
  return body;
}

/** Whether a decoded message is an answer of one of the views this page shows. */
export function isViewResponse(value: unknown): value is AnyViewResponse {
  return (
    isObject(value) &&
    typeof value.view === "string" &&
    (VIEW_NAMES as readonly string[]).includes(value.view) &&
    typeof value.store === "string" &&
    isObject(value.data)
  );
}

export async function fetchStores(signal?: AbortSignal): Promise<Store[]> {
  const body = await getJson("/v1/stores", signal);
  if (isObject(body) && Array.isArray(body.stores)) return body.stores as Store[];
  throw new ApiFailure(200, { code: "unexpected", message: "The list of stores could not be read.", hint: null });
}

export async function fetchView(
  name: ViewName,
  selection: Selection,
  signal?: AbortSignal,
): Promise<AnyViewResponse> {
  const query = new URLSearchParams({ ...selection, compare: "previous" });
  const body = await getJson(`/v1/views/${name}?${query.toString()}`, signal);
  if (isViewResponse(body)) return body;
  throw new ApiFailure(200, { code: "unexpected", message: "The answer could not be read.", hint: null });
}

/** Where the live stream of a selection is found. */
export function liveAddress(selection: Selection): string {
  const query = new URLSearchParams({
    store: selection.store,
    views: VIEW_NAMES.join(","),
    window: selection.window,
    compare: "previous",
  });
  // Commas stay readable in the address; the API splits on them.
  return `/v1/live?${query.toString().replaceAll("%2C", ",")}`;
}
