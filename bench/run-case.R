# One case in a fresh process (so that peak memory is that of the fit):
#   Rscript bench/run-case.R PACKAGE CASE RESULT.rds [PEER-RESULT.rds]
# Times mash(outputlevel = 2), that is likelihood, weights and posterior. With the result of the
# other package, also compares the answers: its own fitted g, given to this package through `fixg`.
source("bench/workloads.R")
source("bench/cases.R")
arguments <- commandArgs(trailingOnly = TRUE)
package <- arguments[1L]
case <- mash_cases[[arguments[2L]]]
suppressPackageStartupMessages(library(package, character.only = TRUE))
options(mnmash.threads = case$threads)

# Kilobytes, from the kernel; peak since the last reset
resident <- function(field) {
  line <- grep(field, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line))
}
reset_peak <- function() try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)

input <- case_input(case)
data <- mash_set_data(input$Bhat, input$Shat, alpha = input$alpha, V = input$V)
# What the fit maximises: the log-likelihood and the default penalty (10 - 1 times the log weight of
# the null). The log-likelihood alone may be larger at a worse fit.
objective <- function(loglik, g) loglik + 9 * log(g$pi[[1L]])

timed_fit <- function() {
  time <- system.time(
    fit <- suppressWarnings(mash(data, input$Ulist, outputlevel = 2, verbose = FALSE))
  )
  list(fit = fit, cpu = unname(time[["user.self"]] + time[["sys.self"]]), wall = time[["elapsed"]])
}

invisible(gc())
reset_peak()
before <- resident("VmRSS")
run <- timed_fit()
peak <- resident("VmHWM") - before
fit <- run$fit
again <- if (package == "mnmash") replicate(2L, timed_fit()[c("cpu", "wall")], simplify = FALSE)
runs <- c(list(run[c("cpu", "wall")]), again)
P <- length(fit$fitted_g$pi)

result <- list(
  package = package, version = as.character(utils::packageVersion(package)),
  case = arguments[2L], blas = basename(normalizePath(extSoftVersion()[["BLAS"]])),
  J = case$J, R = case$R, P = P, active = sum(fit$fitted_g$pi > 1e-10),
  scales = length(fit$fitted_g$grid), threads = case$threads,
  cpu = stats::median(vapply(runs, `[[`, 0, "cpu")),
  wall = stats::median(vapply(runs, `[[`, 0, "wall")),
  peak_mb = peak / 1024, matrix_mb = 8 * case$J * P / 2^20,
  loglik = fit$loglik, g = fit$fitted_g,
  mean = fit$result$PosteriorMean, lfsr = fit$result$lfsr
)

if (package == "mnmash") {
  result$sharing_cpu <- unname(system.time(get_pairwise_sharing(fit))[["user.self"]])
  if (length(arguments) > 3L) {
    peer <- readRDS(arguments[4L])
    same <- mash(data, g = peer$g, fixg = TRUE, verbose = FALSE)
    result$check <- list(
      loglik_at_peer_g = same$loglik - peer$loglik,
      mean_at_peer_g = max(abs(same$result$PosteriorMean - peer$mean)),
      lfsr_at_peer_g = max(abs(same$result$lfsr - peer$lfsr)),
      objective_gain = objective(fit$loglik, fit$fitted_g) - objective(peer$loglik, peer$g)
    )
  }
}
saveRDS(result, arguments[3L])
