// A table with a caption, sortable columns where asked for, and rows that become cards on a phone.
import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";

export interface Column<T> {
  title: string;
  cell: (row: T) => ComponentChildren;
  /** Numbers stand at the end of their cell. */
  isNumber?: boolean;
  /** What to sort by; a column without it is not sortable. */
  sortBy?: (row: T) => number | string;
  class?: string;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  /** All rows together, which stands last. */
  total?: T;
  keyOf: (row: T) => string;
  /** Where a click on a row leads; the row holds a link there too. */
  linkOf?: (row: T) => string | null;
  testid?: string;
  class?: string;
  empty: string;
  /** Rows drawn at first, and how many more each time; all of them without it. */
  step?: number;
  /** Numbers sort downwards first. */
  sorted?: { column: number; isDown: boolean };
}

export function Table<T>(props: TableProps<T>) {
  const { caption, columns, keyOf, testid } = props;
  const order = useSignal(props.sorted ?? null);
  const by = order.value && columns[order.value.column]?.sortBy;
  const all = by ? sortedRows(props.rows, by, order.value?.isDown ?? false) : props.rows;
  const shownMax = useSignal(props.step ?? Infinity);
  const rows = all.slice(0, shownMax.value);
  const hidden = all.length - rows.length;
  if (rows.length === 0) return <p class="empty">{props.empty}</p>;
  const table = (
    <table class={`cards ${props.class ?? ""}`} role="table">
      <caption class="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column, index) => (
            <Heading
              key={column.title}
              column={column}
              direction={
                order.value?.column === index ? (order.value.isDown ? "descending" : "ascending") : null
              }
              onSort={() => {
                const isSame = order.value?.column === index;
                order.value = {
                  column: index,
                  isDown: isSame ? !order.value?.isDown : Boolean(column.isNumber),
                };
              }}
            />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(row => (
          <tr
            role="row"
            key={keyOf(row)}
            data-testid={testid}
            onClick={event => openRow(event, props.linkOf?.(row))}
          >
            <Cells columns={columns} row={row} />
          </tr>
        ))}
      </tbody>
      {props.total !== undefined && (
        <tfoot role="rowgroup">
          <tr role="row" data-testid={testid && `${testid}-total`}>
            <Cells columns={columns} row={props.total} />
          </tr>
        </tfoot>
      )}
    </table>
  );
  if (hidden === 0) return table;
  return (
    <>
      {table}
      <button type="button" class="more" onClick={() => (shownMax.value += props.step ?? 0)}>
        Show more ({hidden} are left)
      </button>
    </>
  );
}

function Cells<T>({ columns, row }: { columns: Column<T>[]; row: T }) {
  return (
    <>
      {columns.map(column => (
        <td role="cell" key={column.title} data-label={column.title} class={cellClass(column)}>
          {column.cell(row)}
        </td>
      ))}
    </>
  );
}

function cellClass<T>(column: Column<T>): string {
  return [column.isNumber && "end", column.class].filter(Boolean).join(" ");
}

interface HeadingProps<T> {
  column: Column<T>;
  direction: "ascending" | "descending" | null;
  onSort: () => void;
}

function Heading<T>({ column, direction, onSort }: HeadingProps<T>) {
  if (!column.sortBy) {
    return (
      <th role="columnheader" scope="col" class={cellClass(column)}>
        {column.title}
      </th>
    );
  }
  return (
    <th role="columnheader" scope="col" class={cellClass(column)} aria-sort={direction ?? "none"}>
      <button type="button" class="sort" onClick={onSort}>
        {column.title}
        <span aria-hidden="true">{direction === null ? "" : direction === "ascending" ? " ↑" : " ↓"}</span>
      </button>
    </th>
  );
}

function sortedRows<T>(rows: T[], by: (row: T) => number | string, isDown: boolean): T[] {
  const sign = isDown ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    return sign * (left < right ? -1 : left > right ? 1 : 0);
  });
}

/** A click anywhere in a row opens it, unless it was meant for something in it or selects text. */
function openRow(event: MouseEvent, link: string | null | undefined): void {
  const isForPart = event.target instanceof Element && event.target.closest("a, button") !== null;
  if (!link || isForPart || String(getSelection()) !== "") return;
  location.hash = link;
}
