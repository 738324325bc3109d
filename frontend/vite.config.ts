/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { icons } from "./scripts/icons.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Relative, so that the files work under whatever STATIC_URL serves them.
  base: "./",
  plugins: [react(), tailwindcss(), icons(here("src/icons.json"))],
  resolve: { alias: { "@": here("src") } },
  build: {
    outDir: here("../static/dist"),
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    // The layout engine's worker is one large file by nature and is fetched only by pages with a graph.
    chunkSizeWarningLimit: 1700,
    rollupOptions: { input: here("src/main.ts") },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}", "islands/**/*.test.{ts,tsx}", "scripts/**/*.test.ts"],
    restoreMocks: true,
  },
});
