// What SMTP reply codes mean, in a few words (RFC 5321 §4.2.3, RFC 4954 §6, RFC 3207 §4).

const MEANINGS: Record<number, string> = {
  0: "No answer",
  211: "System status",
  214: "Help",
  220: "Ready",
  221: "Closing the connection",
  235: "Signed in",
  250: "Delivered",
  251: "Delivered; forwards elsewhere",
  252: "Taken without verifying",
  354: "Waiting for the message",
  421: "Service not available, try later",
  432: "Password change needed",
  450: "Mailbox busy, try later",
  451: "Error on their side, try later",
  452: "Out of storage, try later",
  454: "TLS or sign-in not available now",
  455: "Cannot take parameters now",
  500: "Command not understood",
  501: "Arguments not understood",
  502: "Command not supported",
  503: "Commands out of order",
  504: "Parameter not supported",
  521: "Takes no mail",
  523: "Encryption needed",
  524: "Password too old",
  530: "Sign-in needed",
  534: "Sign-in method too weak",
  535: "Sign-in refused",
  538: "Encryption needed to sign in",
  550: "No such mailbox, or refused",
  551: "Not here; try elsewhere",
  552: "Mailbox full, or too large",
  553: "Address not allowed",
  554: "Refused",
  555: "Parameters not understood",
  556: "Domain takes no mail",
};

/** The code's meaning; of an unknown one, what its first digit says. */
export function meaning(code: number): string {
  const known = MEANINGS[code];
  if (known !== undefined) return known;
  if (code >= 200 && code < 300) return "Delivered";
  if (code >= 400 && code < 500) return "Refused for now";
  if (code >= 500 && code < 600) return "Refused for good";
  return "Unknown";
}

/** What a code comes to: where it belongs among the statuses. */
export function codeStatus(code: number): "sent" | "retry" | "failed" {
  if (code >= 200 && code < 400) return "sent";
  return code === 0 || (code >= 400 && code < 500) ? "retry" : "failed";
}
