// Draws a plot with uPlot, in the page's colours, and makes a picture of it.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, dateTime } from "../format";
import { drawn, type Plot, type Times } from "./plots";
import type { Moments } from "./series";

const HEIGHT = 190;
const FONT = "11px ui-sans-serif, system-ui, sans-serif";
const SYNC_KEY = "run";
const RIGHT = "right";
/** Room of a step's name on the axis. */
const NAME_PX = 62;
/** How wide bars are: of their room, and at most. */
const BARS = uPlot.paths.bars?.({ size: [0.72, 44 * devicePixelRatio] });

/** A colour of the page, by the name of its CSS variable. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function short(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${+(value / 1_000_000).toFixed(1)}M`;
  if (Math.abs(value) >= 10_000) return `${+(value / 1000).toFixed(1)}k`;
  return String(+value.toFixed(2));
}

function moment(seconds: number, increment: number): string {
  if (increment >= 86_400) return dateTime(seconds * 1000).slice(5, 10);
  const time = clock(seconds * 1000);
  return increment < 60 ? time : time.slice(0, 5);
}

/** Scales begin at zero, so that heights can be compared. */
function fromZero(_: uPlot, __: number, most: number): uPlot.Range.MinMax {
  return [0, most > 0 ? most * 1.08 : 1];
}

/** Steps with names stand in the middle of their room, so that bars fit. */
function withRoom(uplot: uPlot, from: number, until: number): uPlot.Range.MinMax {
  const half = (until - from) / (2 * Math.max(1, uplot.data[0].length - 1)) || 1;
  return [from - half, until + half];
}

/** The steps whose names have room, from the latest on. */
function named(uplot: uPlot): number[] {
  const steps = Array.from(uplot.data[0]);
  const each = Math.max(1, Math.ceil((steps.length * NAME_PX) / uplot.width));
  return steps.filter((_, index) => (steps.length - 1 - index) % each === 0);
}

/** What stands at the bottom: the names of the steps, or moments of the clock. */
function below(times: Times | undefined): Pick<uPlot.Axis, "splits" | "values"> {
  if (times) return { splits: named, values: (_, splits) => splits.map(times.short) };
  return { values: (_, splits, __, ___, increment) => splits.map(split => moment(split, increment)) };
}

function axes(plot: Plot): uPlot.Axis[] {
  const common = {
    stroke: () => colour("--text-faint"),
    font: FONT,
    grid: { stroke: () => colour("--grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...common,
      grid: { show: false },
      size: 26,
      space: 70,
      ...below(plot.times),
    },
    { ...common, size: 46, space: 34, values: (_, splits) => splits.map(short) },
    {
      ...common,
      show: plot.lines.some(line => line.isRight),
      scale: RIGHT,
      side: 1,
      grid: { show: false },
      size: 34,
      space: 34,
      values: (_, splits) => splits.map(short),
    },
  ];
}

function series(plot: Plot): uPlot.Series[] {
  const lines = plot.lines.map((line): uPlot.Series => {
    const alpha = plot.isStacked ? "" : "1f";
    return {
      label: line.label,
      scale: line.isRight ? RIGHT : "y",
      stroke: () => colour(line.colour),
      width: plot.isStacked ? 0 : 1.75,
      points: { show: uplot => uplot.data[0].length < 3 && !plot.isBars },
      ...(plot.isBars && BARS && { paths: BARS }),
      ...(line.dash && { dash: line.dash }),
      ...(line.isFilled && { fill: () => colour(line.colour) + alpha }),
    };
  });
  return [{}, ...lines];
}

function data(plot: Plot, steps: Moments): uPlot.AlignedData {
  return [steps.t, ...drawn(plot)];
}

/** A chart on the page. */
export interface Canvas {
  update(plot: Plot, steps: Moments): void;
  repaint(): void;
  picture(plot: Plot): Promise<Blob>;
  remove(): void;
}

/** Draws the plot into `box` and keeps to its width; tells which step is under the cursor. */
export function draw(
  box: HTMLElement,
  plot: Plot,
  steps: Moments,
  onCursor: (index: number | null) => void,
): Canvas {
  const options: uPlot.Options = {
    width: Math.max(box.clientWidth, 120),
    height: HEIGHT,
    // The last time of the axis stands half beyond the plot's edge.
    padding: [10, 26, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC_KEY }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      ...(plot.times && { x: { range: withRoom } }),
      y: { range: fromZero },
      [RIGHT]: { range: fromZero },
    },
    axes: axes(plot),
    series: series(plot),
    hooks: { setCursor: [uplot => onCursor(uplot.cursor.idx ?? null)] },
  };
  const uplot = new uPlot(options, data(plot, steps), box);
  const watch = new ResizeObserver(() => uplot.setSize({ width: box.clientWidth, height: HEIGHT }));
  watch.observe(box);
  return {
    update: (next, newer) => uplot.setData(data(next, newer)),
    repaint: () => uplot.redraw(false, true),
    picture: shown => picture(uplot.ctx.canvas, shown),
    remove: () => {
      watch.disconnect();
      uplot.destroy();
    },
  };
}

/** The chart with its title and legend on the page's background. */
function picture(chart: HTMLCanvasElement, plot: Plot): Promise<Blob> {
  const scale = devicePixelRatio;
  const head = 52 * scale;
  const canvas = document.createElement("canvas");
  canvas.width = chart.width;
  canvas.height = chart.height + head;
  const context = canvas.getContext("2d");
  if (context === null) return Promise.reject(new Error("this browser does not draw"));
  context.fillStyle = colour("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(chart, 0, head);
  context.scale(scale, scale);
  context.fillStyle = colour("--text");
  context.font = "600 13px ui-sans-serif, system-ui, sans-serif";
  context.fillText(`${plot.title} (${plot.unit})`, 10, 20);
  context.font = FONT;
  let left = 10;
  for (const line of plot.lines) {
    context.fillStyle = colour(line.colour);
    context.fillRect(left, 33, 10, 4);
    context.fillStyle = colour("--text");
    context.fillText(line.label, left + 15, 39);
    left += context.measureText(line.label).width + 32;
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error("no picture could be made"))),
      "image/png",
    );
  });
}
