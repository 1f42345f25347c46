// Tables as CSV text (RFC 4180), safe to open in a spreadsheet.

/** What a spreadsheet would take for a formula is quoted with an apostrophe. */
function cell(value: string | number): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(3);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A header and rows as CSV. */
export function csv(header: string[], rows: (string | number)[][]): string {
  return [header, ...rows].map(row => row.map(cell).join(",") + "\r\n").join("");
}
