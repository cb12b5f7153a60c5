#!/usr/bin/env -S node --no-expose-wasm --lite-mode --max-semi-space-size=1 --max-old-space-size=32
import '../dist/main.js';
