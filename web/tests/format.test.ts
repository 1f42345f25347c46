// What people read: numbers, times, files.
import { describe, expect, test } from "vitest";
import { codeStatus, meaning } from "../src/codes";
import { csv } from "../src/charts/csv";
import { bytes, count, listName, milliseconds, percent, rate, span } from "../src/format";

describe("numbers", () => {
  test("counts have their thousands apart", () => expect(count(1_234_567)).toBe("1,234,567"));
  test("small rates have a digit after the point", () => {
    expect([0, 0.25, 12.34, 345.6].map(rate)).toEqual(["0", "0.3", "12.3", "346"]);
  });
  test("a share is all or nothing only when it is", () => {
    expect(percent(0, 10)).toBe("0 %");
    expect(percent(10, 10)).toBe("100 %");
    expect(percent(999_999, 1_000_000)).toBe(">99.9 %");
    expect(percent(1, 1_000_000)).toBe("<0.1 %");
    expect(percent(1, 3)).toBe("33.3 %");
    expect(percent(0, 0)).toBe("0 %");
  });
  test("bytes", () => expect([900, 61_020, 2_500_000].map(bytes)).toEqual(["900 B", "61.0 KB", "2.5 MB"]));
});

describe("times", () => {
  test("a span has its two largest units", () => {
    expect([0, 59, 60, 3661, 90_000].map(span)).toEqual(["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h"]);
  });
  test("milliseconds grow into seconds and minutes", () => {
    expect([null, 0, 3.14, 84.2, 1420, 61_000].map(milliseconds)).toEqual([
      "–",
      "0 ms",
      "3.1 ms",
      "84 ms",
      "1.42 s",
      "1 min 1 s",
    ]);
  });
});

test("a list is called by its file's name, a sheet by what it is", () => {
  expect(listName({ csv_file: "/home/ada/lists/people.csv" })).toBe("people.csv");
  expect(listName({ csv_file: "", sheet_url: "https://docs.google.com/x" })).toBe("Google Sheet");
  expect(listName({})).toBeNull();
});

test("codes have a meaning and a colour, also unknown ones", () => {
  expect(meaning(550)).toBe("No such mailbox, or refused");
  expect(meaning(599)).toBe("Refused for good");
  expect([250, 421, 0, 550].map(codeStatus)).toEqual(["sent", "retry", "retry", "failed"]);
});

test("CSV quotes what needs it and defuses formulas", () => {
  expect(csv(["time", "a,b"], [["=1+1", 2]])).toBe('time,"a,b"\r\n\'=1+1,2\r\n');
  expect(csv(["x"], [['say "hi"'], [1.23456]])).toBe('x\r\n"say ""hi"""\r\n1.235\r\n');
});
