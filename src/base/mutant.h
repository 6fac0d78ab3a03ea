/*
 * mutant.h - one mechanism broken on purpose
 *
 * `meson setup -Dmutant=NAME` defines MUTANT_NAME, and MUTANT(NAME) is 1 in that build and 0 in every other, so the
 * compiler removes the broken path from real builds. tools/mutants builds each and expects the tests to fail.
 */
#pragma once

/* The comma is the point: it shifts the 1 into the place of the second argument. */
#define MUTANT_PLACEHOLDER_1               0,
#define MUTANT_SECOND(ignored, value, ...) value
/* Parentheses would keep the comma from separating. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define MUTANT_IS_SET_3(maybe_comma) MUTANT_SECOND(maybe_comma 1, 0, 0)
#define MUTANT_IS_SET_2(value)       MUTANT_IS_SET_3(MUTANT_PLACEHOLDER_##value)
#define MUTANT_IS_SET_1(value)       MUTANT_IS_SET_2(value)
#define MUTANT(name)                 MUTANT_IS_SET_1(MUTANT_##name)
