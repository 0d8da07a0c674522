# Each argument of each exported function in turn is replaced by what does not belong there: wrong
# types, lengths, names and options, missing and huge values, odd shapes. What comes back is a value
# without NaN, or a classed error that names an argument or a place in one. The whole of it, some
# minutes, with MNMASH_FUZZ=all; else every n-th case (tools/bad-inputs.R prints a table).

test_that("every exported function has a valid call", {
  withr::local_pdf(NULL)
  withr::local_dir(withr::local_tempdir())
  calls <- fuzz_calls()
  functions <- getNamespaceExports("mnmash")
  expect_identical(sort(names(calls)), sort(functions))
  for (name in names(calls)) {
    found <- fuzz_outcome(name, fuzz_arguments(name, calls[[name]]))
    expect_identical(paste(name, found$outcome, found$message), paste(name, "value "))
  }
})

test_that("bad input is an error that says where, or does no harm", {
  withr::local_pdf(NULL)
  withr::local_dir(withr::local_tempdir())
  calls <- fuzz_calls()
  step <- if (identical(Sys.getenv("MNMASH_FUZZ"), "all")) 1L else 20L
  tried <- 0
  for (name in names(calls)) {
    cases <- fuzz_cases(name, calls[[name]])
    # Another part of the cases of each function.
    for (i in seq(1L + nchar(name) %% step, max(length(cases), step), by = step)) {
      if (i > length(cases)) next
      case <- cases[[i]]
      found <- fuzz_outcome(name, case$arguments)
      tried <- tried + 1
      # A name of an inner function's will do here; what stands in the whole is for tools/fuzz.R.
      inner <- found$outcome == "error without a name" &&
        grepl("`|row [0-9]|matrix [0-9]|'.*'", found$message)
      if (!inner && !found$outcome %in% c("value", "error")) {
        fail(paste0(
          name, "(), argument ", case$argument, " replaced by ", case$how, ": ", found$outcome,
          " ", found$message
        ))
      }
    }
  }
  expect_gt(tried, 40000 / step)
})
