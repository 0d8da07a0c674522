# Extreme deconvolution of more units than mashr can hold (J x R x R beyond 2^31), and its memory:
#   Rscript bench/deconvolution.R [ROWS] [CONDITIONS] [COMPONENTS] [ITERATIONS] [THREADS]
# Standard errors differ by unit and the errors are correlated. Memory is that of the process beyond
# the data (peak), from the kernel.
suppressPackageStartupMessages(library(mnmash))
arguments <- as.numeric(commandArgs(trailingOnly = TRUE))
size <- c(1.2e6, 44, 4, 2, 1)
size[seq_along(arguments)] <- arguments
J <- size[1L]
R <- size[2L]
K <- size[3L]

resident <- function(field) {
  line <- grep(field, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024^2
}

set.seed(1)
# In place, by columns: what is measured is the fit, not the simulator.
Shat <- matrix(runif(J * R, 0.7, 1.4), J)
Bhat <- matrix(rnorm(J * R), J)
shared <- rnorm(J)
for (r in seq_len(R)) Bhat[, r] <- Bhat[, r] * Shat[, r] + shared * (r %% 3)
data <- mash_set_data(Bhat, Shat, V = 0.5 * diag(R) + 0.5 * 0.8^abs(outer(1:R, 1:R, "-")))
rm(Bhat, Shat, shared)
invisible(gc())
start <- lapply(seq_len(K), \(k) crossprod(matrix(rnorm(R * R), R)) / R * k)
names(start) <- paste0("start", seq_len(K))
try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)
before <- resident("VmRSS")
cat(sprintf("J x R x R = %.3g (2^31 = %.3g), data: %.2f GB\n", J * R^2, 2^31, before))
time <- system.time({
  fit <- cov_ed(
    data, start, tol = -Inf, maxiter = size[4L], n_threads = size[5L], ridge = "none"
  )
})
cat(sprintf(
  "%d steps: %.1f s CPU, peak %.2f GB beyond the data\n", as.integer(size[4L]),
  time[["user.self"]] + time[["sys.self"]], resident("VmHWM") - before
))
print(attr(fit, "trace"), digits = 12)
