# A fit whose likelihoods do not fit in memory, and posteriors by chunks:
#   Rscript bench/large.R [ROWS] [THREADS]
# The default is the size of a real data set: 4,019,906 units, 5 conditions, 157 components (EE).
# Memory is that of the process beyond the data (peak), from the kernel.
source("bench/workloads.R")
suppressPackageStartupMessages(library(mnmash))
arguments <- as.numeric(commandArgs(trailingOnly = TRUE))
J <- if (length(arguments) >= 1L) arguments[1L] else 4019906
options(mnmash.threads = if (length(arguments) >= 2L) arguments[2L] else 2)

resident <- function(field) {
  line <- grep(field, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024^2
}
timed <- function(what, work) {
  invisible(gc())
  time <- system.time(result <- work())
  cat(sprintf(
    "%-28s %6.1f s wall, %6.1f s CPU, peak %.2f GB\n", what, time[["elapsed"]],
    time[["user.self"]] + time[["sys.self"]], resident("VmHWM")
  ))
  invisible(result)
}

w <- mash_workload(2e4, 5, "EE")
Ulist <- workload_covariances(w)[c(1:12)]
grid <- 0.05 * 1.6^(0:12)
w <- mash_workload(J, 5, "EE")
data <- mash_set_data(w$Bhat, w$Shat, V = w$V)
rm(w)
invisible(gc())
try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)
cat("data:", round(resident("VmRSS"), 2), "GB\n")
m <- timed("fit (prior only)", \() mash(data, Ulist, grid = grid, outputlevel = 1))
print(m$convergence[c("objective", "kkt", "iterations", "converged")])
cat("components:", length(m$fitted_g$pi), "active:", sum(m$fitted_g$pi > 1e-10), "\n")
rm(m)
m <- timed("fit and posteriors", \() mash(data, Ulist, grid = grid))
