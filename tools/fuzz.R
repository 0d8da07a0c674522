# Random bad calls of every exported function and method (tests/testthat/helper-fuzz-random.R), each
# in a process that survives to count: what is killed, or does not answer, is the call's verdict.
#
#   Rscript tools/fuzz.R SEED CALLS [PROCESSES] [FUNCTION ...]     a table of what came of them
#   Rscript tools/fuzz.R again SEED NUMBER [FUNCTION ...]          one of them, in this process
#
# With the package installed. Exit status 1 if a call ended R, did not end, raised an error that is
# not one of this package or names no argument of it, or let through a plain warning or NaN.
suppressPackageStartupMessages(library(mnmash))
options(mnmash.threads = 1, width = 100)
given <- commandArgs(trailingOnly = TRUE)
again <- identical(given[1L], "again")
if (again) given <- given[-1L]
seed <- as.numeric(given[1L])
asked <- as.numeric(given[2L])
rest <- given[-(1:2)]
processes <- if (!again && length(rest) && grepl("^[0-9]+$", rest[1L])) as.integer(rest[1L]) else 1L
chosen <- rest[!grepl("^[0-9]+$", rest)]
begun_with <- paste(c("Rscript tools/fuzz.R again", seed), collapse = " ")

for (helper in c("fuzz", "fuzz-calls", "fuzz-random", "methods")) {
  source(file.path("tests", "testthat", paste0("helper-", helper, ".R")))
}
# Memory that a call asks for by mistake must not be that of the machine.
if (nzchar(Sys.which("prlimit"))) {
  system2("prlimit", c("--pid", Sys.getpid(), "--as=8000000000"))
}
grDevices::pdf(NULL)
invisible(utils::capture.output(targets <- suppressMessages(fuzz_targets())))
if (length(chosen)) targets <- targets[chosen]
home <- tempfile("fuzz")
dir.create(home)

if (again) {
  setwd(home)
  call <- fuzz_random_call(targets, seed, asked)
  cat(call$name, ":", call$how, "\n")
  utils::str(call$arguments, max.level = 2L, give.attr = FALSE, list.len = 40L)
  found <- fuzz_random_outcome(call, 30)
  cat(found$outcome, ":", found$message, "\n")
  if (!found$outcome %in% c("value", "error")) {
    options(error = NULL)
    try(withCallingHandlers(
      do.call(call$f, call$arguments, quote = TRUE),
      error = \(e) {
        frames <- vapply(sys.calls(), \(x) paste(deparse(x[[1L]])[1L], collapse = ""), "")
        cat(tail(frames[nchar(frames) < 60], 30), sep = " > ")
        cat("\n")
      }
    ))
  }
  quit(status = 0L)
}

# The numbers `from` to `to` in a child, which writes a line when it begins and ends each of them.
begin_child <- function(from, to, log) {
  parallel::mcparallel({
    folder <- tempfile("calls", home)
    dir.create(folder)
    setwd(folder)
    out <- file(log, "wb")
    say <- \(...) {
      cat(..., "\n", file = out, sep = "\t")
      flush(out)
    }
    one_line <- \(text) {
      text <- iconv(enc2utf8(text), "UTF-8", "UTF-8", sub = "byte")
      gsub("[\t\r\n]+", " ", substr(text, 1L, 400L))
    }
    for (number in from:to) {
      call <- fuzz_random_call(targets, seed, number)
      say(number, "begun", call$name, one_line(call$how))
      found <- tryCatch(fuzz_random_outcome(call), error = \(e) {
        list(outcome = "the fuzzer failed", message = conditionMessage(e))
      })
      say(number, found$outcome, call$name, one_line(call$how), one_line(found$message))
    }
    close(out)
    unlink(folder, recursive = TRUE)
  }, mc.set.seed = FALSE)
}

read_log <- function(log) {
  if (!file.exists(log)) return(NULL)
  lines <- strsplit(readLines(log, warn = FALSE), "\t", fixed = TRUE, useBytes = TRUE)
  part <- \(at) vapply(lines, \(x) if (length(x) >= at) x[at] else "", "")
  data.frame(number = as.numeric(part(1)), outcome = part(2), fun = part(3), how = part(4),
             message = part(5))
}

# Runs the calls from..to, starting anew after whatever ends a child or keeps it for a minute.
run_calls <- function(from, to, batch = 400L) {
  waiting <- seq(from, to, by = batch)
  waiting <- Map(c, waiting, pmin(waiting + batch - 1L, to))
  running <- list()
  done <- list()
  finish <- \(child, verdict) {
    log <- read_log(child$log)
    over <- log[log$outcome != "begun", ]
    left <- log[!log$number %in% over$number, ]
    if (nrow(left)) {
      left$outcome <- verdict
      over <- rbind(over, left[1L, ])
    }
    next_one <- if (is.null(log)) child$from + 1L else max(c(over$number, child$from - 1L)) + 1L
    if (next_one <= child$to) waiting <<- c(list(c(next_one, child$to)), waiting)
    done[[length(done) + 1L]] <<- over
    unlink(child$log)
  }
  while (length(waiting) || length(running)) {
    while (length(waiting) && length(running) < processes) {
      part <- waiting[[1L]]
      waiting <- waiting[-1L]
      log <- tempfile("log", home)
      child <- list(job = begin_child(part[1L], part[2L], log), log = log, from = part[1L],
                    to = part[2L])
      running[[length(running) + 1L]] <- child
    }
    Sys.sleep(0.2)
    keep <- rep(TRUE, length(running))
    for (i in seq_along(running)) {
      child <- running[[i]]
      state <- suppressWarnings(parallel::mccollect(child$job, wait = FALSE))
      quiet <- difftime(Sys.time(), file.mtime(child$log), units = "secs")
      hung <- !is.na(quiet) && quiet > 60
      if (is.null(state) && !hung) next
      if (hung) {
        tools::pskill(child$job$pid, tools::SIGKILL)
        suppressWarnings(parallel::mccollect(child$job))
      }
      keep[i] <- FALSE
      finish(child, if (hung) "hang (does not answer)" else "R ENDED")
    }
    running <- running[keep]
  }
  do.call(rbind, done)
}

begin <- proc.time()[["elapsed"]]
found <- run_calls(1L, asked)
counts <- sort(table(found$outcome), decreasing = TRUE)
cat(sprintf(
  "seed %.0f: %d calls of %d functions and methods in %.0f s\n", seed, nrow(found),
  length(targets), proc.time()[["elapsed"]] - begin
))
for (word in names(counts)) cat(sprintf("%-26s %6d\n", word, counts[[word]]))
bad <- found[!found$outcome %in% c("value", "error"), ]
bad <- bad[order(bad$outcome, bad$fun, bad$number), ]
for (i in seq_len(nrow(bad))) {
  cat(sprintf(
    "%s: %s() with %s: %s\n    %s %.0f %s\n", bad$outcome[i], bad$fun[i], bad$how[i],
    bad$message[i], begun_with, bad$number[i], paste(chosen, collapse = " ")
  ))
}
quit(status = as.integer(nrow(bad) > 0L))
