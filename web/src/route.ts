// Where the person is: the part of the address after `#`, as a path and a query.
import { signal } from "@preact/signals";

/** A place in the page: `#/recipients/abc?job=x` is `["recipients", "abc"]` with `job`. */
export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The link to a place; what is empty or missing in the query is left out. */
export function href(path: string[], query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(pairs).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

export const route = signal<Route>(parseRoute(location.hash));

/** Goes to a place without a step in the history: for filters while they are typed. */
export function replaceRoute(link: string): void {
  history.replaceState(null, "", link);
  route.value = parseRoute(location.hash);
}

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
});
