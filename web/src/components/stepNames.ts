// What the funnel's steps and a cart's last step are called on the page.
import type { FunnelStep } from "../api/types";

export const STEP_NAMES: Record<FunnelStep["step"], string> = {
  view: "View",
  cart: "Cart",
  checkout: "Checkout",
  purchase: "Purchase",
};

const EVENT_STEPS: Record<string, string> = {
  product_added: "Added to cart",
  product_removed: "Removed an item",
  cart_viewed: "Viewed cart",
  checkout_started: "Started checkout",
  checkout_step_viewed: "In checkout",
  checkout_step_completed: "In checkout",
  payment_info_entered: "Entered payment",
  payment_failed: "Payment failed",
  ...STEP_NAMES,
};

/** A snake_case word of the API as words: "partially_refunded" → "Partially refunded". */
export function sentence(word: string): string {
  const words = word.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function cartStepName(step: string | null | undefined): string {
  if (step == null || step === "") return "–";
  return EVENT_STEPS[step] ?? sentence(step);
}
