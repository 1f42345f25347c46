// One chart with its legend, its values under the cursor, its table, and what can be saved of it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { announce } from "../state";
import { clock, dateTime } from "../format";
import { paint } from "../theme";
import { Icon } from "../parts/icon";
import { draw, type Canvas } from "./canvas";
import { csv } from "./csv";
import { download } from "./download";
import { summary, type Plot } from "./plots";
import type { Moments } from "./series";

interface ChartProps {
  plot: Plot;
  steps: Moments;
  /** The range in words. */
  range: string;
  /** What the names of saved files begin with. */
  name: string;
}

export function Chart({ plot, steps, range, name }: ChartProps) {
  const cursor = useSignal<number | null>(null);
  const isTable = useSignal(false);
  const canvas = useRef<Canvas | null>(null);
  const isEmpty = plot.lines.length === 0 || steps.t.length === 0;
  const fileName = `${name}-${plot.id}`;

  async function savePicture(): Promise<void> {
    const blob = await canvas.current?.picture(plot);
    if (blob) download(`${fileName}.png`, blob);
  }

  return (
    <figure class="card chart" data-testid={`chart-${plot.id}`}>
      <figcaption class="card-head">
        <div>
          <h3>{plot.title}</h3>
          <p class="faint">{plot.unit}</p>
        </div>
        <div class="chart-tools" role="group" aria-label={`${plot.title}: view and save`}>
          <button
            type="button"
            class="quiet icon-button"
            aria-pressed={isTable.value}
            aria-label={`Show ${plot.title} as a table`}
            title="Show as a table"
            onClick={() => (isTable.value = !isTable.value)}
          >
            <Icon name="table" />
          </button>
          <button
            type="button"
            class="quiet"
            disabled={isEmpty}
            aria-label={`Save ${plot.title} as CSV`}
            onClick={() =>
              download(`${fileName}.csv`, new Blob([plotCsv(plot, steps)], { type: "text/csv" }))
            }
          >
            CSV
          </button>
          <button
            type="button"
            class="quiet"
            disabled={isEmpty || isTable.value}
            aria-label={`Save ${plot.title} as PNG`}
            onClick={() => void savePicture().catch((error: Error) => announce("problem", error.message))}
          >
            PNG
          </button>
        </div>
      </figcaption>
      <Legend plot={plot} steps={steps} index={cursor.value} />
      {isEmpty && (
        <p class="empty">{plot.isStacked ? "No errors in this time." : "Nothing has happened yet."}</p>
      )}
      {!isEmpty && isTable.value && <StepTable plot={plot} steps={steps} />}
      {!isEmpty && !isTable.value && (
        <Drawing
          key={[plot.unit, ...plot.lines.map(line => line.label)].join()}
          plot={plot}
          steps={steps}
          label={summary(plot, range)}
          onCursor={index => (cursor.value = index)}
          canvas={canvas}
        />
      )}
    </figure>
  );
}

interface DrawingProps {
  plot: Plot;
  steps: Moments;
  label: string;
  onCursor: (index: number | null) => void;
  canvas: { current: Canvas | null };
}

function Drawing({ plot, steps, label, onCursor, canvas }: DrawingProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current === null) return undefined;
    const drawing = draw(box.current, plot, steps, onCursor);
    canvas.current = drawing;
    return () => {
      canvas.current = null;
      drawing.remove();
    };
    // It is drawn once; what comes later is given to it by the effects below.
  }, []);
  useEffect(() => canvas.current?.update(plot, steps), [plot, steps]);
  const painted = paint.value;
  useEffect(() => canvas.current?.repaint(), [painted]);
  return <div class="drawing" ref={box} role="img" aria-label={label} />;
}

function Legend({ plot, steps, index }: { plot: Plot; steps: Moments; index: number | null }) {
  const at = index ?? steps.t.length - 1;
  const moment = steps.t[at];
  const name = plot.times?.long ?? timeOfDay;
  return (
    <ul class="legend" aria-hidden="true">
      {plot.lines.map(line => (
        <li key={line.label}>
          <svg width="16" height="8" viewBox="0 0 16 8">
            <line
              x1="0"
              x2="16"
              y1="4"
              y2="4"
              stroke={`var(${line.colour})`}
              stroke-width={plot.isStacked ? 8 : 2.5}
              stroke-dasharray={line.dash?.join(" ")}
            />
          </svg>
          {line.label} <b>{line.write(line.values[at] ?? 0)}</b>
        </li>
      ))}
      {moment !== undefined && <li class="moment">{index === null ? "latest" : name(moment)}</li>}
    </ul>
  );
}

function timeOfDay(seconds: number): string {
  return clock(seconds * 1000);
}

function dayAndTime(seconds: number): string {
  return dateTime(seconds * 1000);
}

function StepTable({ plot, steps }: { plot: Plot; steps: Moments }) {
  const order = steps.t.map((_, index) => index).reverse();
  const name = plot.times?.long ?? dayAndTime;
  return (
    <div class="scroll step-table" tabIndex={0} role="region" aria-label={`${plot.title} as a table`}>
      <table>
        <caption class="visually-hidden">
          {plot.title}, {plot.unit}, newest first
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {plot.lines.map(line => (
              <th scope="col" class="end" key={line.label}>
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {order.map(index => (
            <tr key={steps.t[index]}>
              <th scope="row">{name(steps.t[index] ?? 0)}</th>
              {plot.lines.map(line => (
                <td class="end" key={line.label}>
                  {line.write(line.values[index] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The steps that are shown, as CSV. */
export function plotCsv(plot: Plot, steps: Moments): string {
  const rows = steps.t.map((t, index) => [
    new Date(t * 1000).toISOString(),
    t,
    ...plot.lines.map(line => line.values[index] ?? 0),
  ]);
  return csv(["time", "epoch_s", ...plot.lines.map(line => line.label)], rows);
}
