# Rscript tools/bad-inputs.R [function ...]: every argument of every exported function replaced by
# all that does not belong there (tests/testthat/helper-fuzz.R), and what came of it: a table by
# function, and whatever was neither a value nor an error of this package.
library(mnmash)
source("tests/testthat/helper-fuzz-calls.R")
source("tests/testthat/helper-fuzz.R")
chosen <- commandArgs(trailingOnly = TRUE)
grDevices::pdf(NULL)
folder <- tempfile("bad-inputs")
dir.create(folder)
setwd(folder)
calls <- fuzz_calls()
wrong <- list()
table <- lapply(if (length(chosen)) chosen else names(calls), \(name) {
  cases <- fuzz_cases(name, calls[[name]])
  begin <- proc.time()[["user.self"]]
  outcomes <- vapply(cases, \(case) {
    found <- fuzz_outcome(name, case$arguments)
    if (!found$outcome %in% c("value", "error")) {
      wrong[[length(wrong) + 1L]] <<- paste0(
        name, "(", case$argument, " = ", case$how, "): ", found$outcome, " ", found$message
      )
    }
    found$outcome
  }, "")
  row <- data.frame(
    fun = name, tried = length(cases), survived = sum(outcomes %in% c("value", "error")),
    classed_errors = sum(outcomes == "error"), values = sum(outcomes == "value"),
    seconds = round(proc.time()[["user.self"]] - begin, 1)
  )
  cat(sprintf("%-38s %6d tried %6d survived %6d classed errors %6d values %6.1f s\n", row$fun,
              row$tried, row$survived, row$classed_errors, row$values, row$seconds))
  row
})
table <- do.call(rbind, table)
cat(sprintf("%-38s %6d tried %6d survived %6d classed errors %6d values %6.1f s\n", "all",
            sum(table$tried), sum(table$survived), sum(table$classed_errors), sum(table$values),
            sum(table$seconds)))
for (line in wrong) cat(line, "\n")
quit(status = as.integer(length(wrong) > 0L))
