// The funnel drawn: a column per step, tapering into the next. Heights are a drawing scale; rates come from the API.
import { useId } from "react";
import type { FunnelStep } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { HoverTip } from "./HoverTip";
import { STEP_NAMES } from "./stepNames";

export type CountedBy = "sessions" | "visitors" | "events";

const COLUMN = 100;
const BAR = 64;
const HEIGHT = 100;
const THINNEST = 1.5;

interface Props {
  steps: readonly FunnelStep[];
  leftOut: readonly FunnelStep["step"][];
  countedBy: CountedBy;
}

export function FunnelPicture({ steps, leftOut, countedBy }: Props) {
  const format = useFormat();
  const shade = useId();
  const tallest = Math.max(1, ...steps.map((step) => step[countedBy]));
  const tops = steps.map((step) => HEIGHT - Math.max(THINNEST, (step[countedBy] / tallest) * HEIGHT));
  // The API's rates are by visitor, so they stand beside counts of visitors only.
  const withRates = countedBy === "visitors";

  return (
    <div className="funnel">
      <ol className="funnel-steps">
        {steps.map((step) => (
          <li key={step.step} className="has-tip">
            <span className="funnel-name">{STEP_NAMES[step.step]}</span>
            <span className="funnel-count" data-figure={`funnel ${step.step}`}>
              {format.count(step[countedBy])}
            </span>
            {withRates && step.of_previous != null && step.step !== "view" && (
              <span className="funnel-rate">
                {format.rate(step.of_previous)}
                <span className="hidden-text"> of the step before</span>
              </span>
            )}
            <HoverTip
              title={STEP_NAMES[step.step]}
              rows={[
                { label: "Sessions", value: format.count(step.sessions) },
                { label: "Visitors", value: format.count(step.visitors) },
                { label: "Events", value: format.count(step.events) },
                { label: "Visitors, of step before", value: format.rate(step.of_previous) },
                { label: "Visitors, of all", value: format.rate(step.of_first) },
              ]}
            />
          </li>
        ))}
      </ol>
      <svg
        className="funnel-shape"
        viewBox={`0 0 ${COLUMN * steps.length - (COLUMN - BAR)} ${HEIGHT}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <defs>
          <linearGradient id={shade} x1="0" y1="0" x2="0" y2="1">
            <stop className="funnel-top" offset="0" />
            <stop className="funnel-foot" offset="1" />
          </linearGradient>
        </defs>
        {steps.map((step, index) => {
          const left = index * COLUMN;
          const top = tops[index] ?? HEIGHT;
          const next = tops[index + 1];
          const bend = left + (BAR + COLUMN) / 2;
          return (
            <g key={step.step}>
              {next !== undefined && (
                <path
                  className="funnel-drop"
                  d={`M${left + BAR} ${top}C${bend} ${top} ${bend} ${next} ${left + COLUMN} ${next}V${HEIGHT}H${left + BAR}Z`}
                />
              )}
              <path fill={`url(#${shade})`} d={`M${left} ${top}H${left + BAR}V${HEIGHT}H${left}Z`} />
            </g>
          );
        })}
      </svg>
      <p className="footnote">
        {withRates ? "Visitors who also reached the steps before. Percentages: of the step before." : "Percentages are counted by visitors."}
        {leftOut.length > 0 && ` Left out, as the shop sent no such event: ${leftOut.map((step) => STEP_NAMES[step]).join(", ")}.`}
      </p>
    </div>
  );
}
