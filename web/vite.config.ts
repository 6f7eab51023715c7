// Build and development settings of the dashboard: static files into web/dist, the API proxied while developing.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "dist", target: "es2023", chunkSizeWarningLimit: 900, sourcemap: false },
  server: { proxy: { "/v1": process.env.TRADEWIND_API ?? "http://127.0.0.1:8080" } },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
