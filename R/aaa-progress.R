# Progress of long computations: one line on stderr, rewritten in place, from two seconds on; or,
# where stderr is a file, a line with the time every minute.

# Runs `work(progress)`, where `progress` is NULL or a function of the count of units done, and
# clears the line at the end, however it ends. The option `mnmash.progress` (TRUE, FALSE or "log")
# decides; by default progress is shown in interactive sessions. `label` has a word for each stage
# of the work, of `total` units each; `then` is what follows the last unit of the first, if any.
with_progress <- function(label, total, work, then = NULL) {
  shown <- getOption("mnmash.progress", interactive())
  if (identical(shown, "log")) return(work(progress_log(label, total)))
  if (!isTRUE(shown)) return(work(NULL))
  reporter <- progress_reporter(label, total, then)
  on.exit(reporter$finish())
  work(reporter$report)
}

progress_reporter <- function(label, total, then = NULL, wait = 2, pause = 0.25, now = seconds_now,
                              write = write_stderr) {
  begun <- since <- now()
  last <- -Inf
  shown <- 0L
  at <- 1L
  report <- function(done, stage = 1L) {
    time <- now()
    if (stage != at) since <<- time # the rate is that of the stage
    at <<- stage
    if (time - begun < wait || time - last < pause) return(invisible())
    last <<- time
    line <- if (stage == 1L && done >= total && !is.null(then)) {
      paste0(label[1L], ": ", then, " (", duration(time - since), ")")
    } else {
      progress_line(label[stage], done, total, max(time - since, 0.05))
    }
    width <- getOption("width") - 1L
    write(paste0("\r", formatC(substr(line, 1L, width), width = -shown)))
    shown <<- min(nchar(line), width)
    invisible()
  }
  finish <- function() {
    if (shown) write(paste0("\r", strrep(" ", shown), "\r"))
    shown <<- 0L
  }
  list(report = report, finish = finish)
}

# A message with the time, from half a minute on.
progress_log <- function(label, total, wait = 30, pause = 60, now = seconds_now) {
  begun <- since <- now()
  last <- -Inf
  at <- 1L
  function(done, stage = 1L) {
    time <- now()
    if (stage != at) since <<- time
    at <<- stage
    if (time - begun < wait || time - last < pause) return(invisible())
    last <<- time
    message(
      format(Sys.time(), "%Y-%m-%d %H:%M:%S "),
      progress_line(label[stage], done, total, max(time - since, 0.05))
    )
  }
}

# Such as "Posteriors: 1,200 of 20,000 (6%), 600/s, 31 s left".
progress_line <- function(label, done, total, elapsed) {
  rate <- done / elapsed
  count <- \(x) format(round(x), big.mark = ",", trim = TRUE, scientific = FALSE)
  known <- !is.na(total) && done <= total
  paste0(
    label, ": ", count(done), if (known) paste0(" of ", count(total)),
    if (known) paste0(" (", floor(100 * done / total), "%)"),
    ", ", if (rate >= 10) count(rate) else signif(rate, 2), "/s",
    if (known && done > 0) paste0(", ", duration((total - done) / rate), " left")
  )
}

duration <- function(seconds) {
  if (seconds < 60) return(paste(ceiling(seconds), "s"))
  if (seconds < 3600) return(paste(ceiling(seconds / 60), "min"))
  paste(round(seconds / 3600, 1), "h")
}

seconds_now <- function() unname(proc.time()[["elapsed"]])

write_stderr <- function(text) {
  cat(text, file = stderr())
  utils::flush.console()
}
