# Posteriors at a known prior, streamed:
#   Rscript bench/stream.R [MODEL] [ROWS] [THREADS]
# MODEL is EE, EZ or common (one standard error per condition). Every chunk is the same 1e5 rows, in
# memory; the sink counts significant effects.
source("bench/workloads.R")
suppressPackageStartupMessages(library(mnmash))
arguments <- commandArgs(trailingOnly = TRUE)
model <- if (length(arguments) >= 1L) arguments[1L] else "common"
rows <- if (length(arguments) >= 2L) as.numeric(arguments[2L]) else 1e7
options(mnmash.threads = if (length(arguments) >= 3L) as.numeric(arguments[3L]) else 2)

w <- mash_workload(1e5, 5, model)
Ulist <- workload_covariances(w)[1:12]
data <- mash_set_data(w$Bhat, w$Shat, alpha = w$alpha, V = w$V)
m <- mash(data, Ulist, outputlevel = 1, verbose = FALSE)
cat("active components:", sum(m$fitted_g$pi > 1e-10), "\n")

size <- 1e5
chunk <- function(i) w[c("Bhat", "Shat")]
peak <- function() {
  line <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
  round(as.numeric(gsub("[^0-9]", "", line)) / 1024^2, 2)
}
count <- 0
after_tenth <- NULL
time <- system.time(mash_stream(m, chunk, rows / size, \(i, posterior) {
  count <<- count + sum(posterior$lfsr < 0.05)
  if (i == ceiling(rows / size / 10)) after_tenth <<- peak()
}, V = w$V))
cpu <- time[["user.self"]] + time[["sys.self"]]
cat(sprintf(
  "%s: %.0f rows in %.1f s wall, %.1f s CPU: %.0f rows/s wall, %.0f rows per CPU second\n",
  model, rows, time[["elapsed"]], cpu, rows / time[["elapsed"]], rows / cpu
))
cat("peak GB after a tenth, and at the end:", after_tenth, peak(), "\n")
