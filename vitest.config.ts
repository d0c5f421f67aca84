import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    // A busy CI is slow; a test that hangs is still found.
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["packages/core/src/**"],
      reporter: ["text", "text-summary"],
      thresholds: { lines: 95, branches: 90 }
    }
  }
})
