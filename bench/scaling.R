# Time against size, and against threads:   Rscript bench/scaling.R [SERIES ...]
#
# CPU seconds of one thread, least of three; wall seconds for threads. Everything but the size in
# question stays as it is, the grid of scales and the number of steps included. Slopes are those of
# log time on log size; the last one is of the two largest sizes, where what is fixed weighs least.
# Writes bench/results/scaling.csv, .md and .png.
suppressPackageStartupMessages({
  library(mnmash)
  library(ggplot2)
})
source("bench/workloads.R")

# Full-rank matrices; data of the EE model; every component at work.
fit_at <- function(J, R, K, scales = 8) {
  w <- mash_workload(J, R, "EE")
  U <- lapply(seq_len(K), \(k) lowrank_covariance(R, R))
  names(U) <- paste0("U", seq_len(K))
  data <- mash_set_data(w$Bhat, w$Shat, V = w$V)
  \() mash(data, U, grid = 0.1 * 2^(seq_len(scales) / 2), verbose = FALSE)
}
# Without updates of the weights, so that the number of sweeps says the work.
regression_at <- function(p, r) {
  w <- regression_workload(400, p, r)
  U <- lapply(1:5, \(k) lowrank_covariance(r, r))
  \() mr_mash(
    w$X, w$Y, U, grid = c(0.05, 0.1, 0.2, 0.4), V = cov(w$Y), residual = "known", tol = 0,
    max_iter = 5, update_w0 = FALSE, covariance = "none"
  )
}
weights_at <- function(J, P) {
  set.seed(1)
  z <- rnorm(J, sd = sample(c(1, 2, 4), J, TRUE))
  loglik <- outer(z, seq(1, 6, length.out = P), \(z, s) dnorm(z, sd = s, log = TRUE))
  \() mixture_weights(loglik)
}
finemap_at <- function(p) {
  w <- finemap_workload(500, p, 6)
  data <- finemap_data(w$X, w$Y)
  U <- lapply(1:10, \(k) lowrank_covariance(6, 6))
  V <- cov(w$Y)
  prior <- list(U = U, w = rep(0.1, 10))
  \() finemap(data, prior, L = 5, V = V, scale = "fixed", tol = 0, max_iter = 5)
}
deconvolution_at <- function(J, R, K) {
  w <- ed_workload(J, R, K)
  data <- mash_set_data(w$Bhat, w$Shat, V = w$V)
  names(w$start) <- paste0("U", seq_len(K))
  \() cov_ed(data, w$start, tol = -Inf, maxiter = 4, ridge = "none")
}

series <- list(
  "mash: units J" = list(at = 1000 * 2^(0:6), run = \(x) fit_at(x, 10, 6)),
  "mash: conditions R" = list(at = 2^(2:6), run = \(x) fit_at(1000, x, 6)),
  "mash: matrices K" = list(at = 2^(1:6), run = \(x) fit_at(1000, 16, x)),
  "mash: components P by scales" = list(at = 6 * 2^(2:6), run = \(x) fit_at(1000, 16, 6, x / 6)),
  "weights: rows J" = list(at = 5000 * 2^(0:5), run = \(x) weights_at(x, 100)),
  "weights: components P" = list(at = 50 * 2^(0:5), run = \(x) weights_at(10000, x)),
  "deconvolution: units J" = list(at = 1000 * 2^(0:5), run = \(x) deconvolution_at(x, 16, 4)),
  "deconvolution: conditions R" = list(at = 2^(2:6), run = \(x) deconvolution_at(1000, x, 4)),
  "mr_mash: predictors p" = list(at = 200 * 2^(0:5), run = \(x) regression_at(x, 10)),
  "mr_mash: responses r" = list(at = 2^(1:6), run = \(x) regression_at(400, x)),
  "finemap: variants p" = list(at = 250 * 2^(0:4), run = \(x) finemap_at(x))
)

least <- function(work, clock) {
  quietly <- \() suppressMessages(suppressWarnings(work()))
  first <- system.time(quietly())[["elapsed"]]
  times <- max(1, ceiling(0.1 / max(first, 1e-4)))
  min(vapply(1:3, \(i) sum(system.time(for (k in seq_len(times)) quietly())[clock]), 0)) / times
}

wanted <- commandArgs(trailingOnly = TRUE)
if (!length(wanted)) wanted <- c(names(series), "threads")
options(mnmash.threads = 1)
points <- do.call(rbind, lapply(intersect(names(series), wanted), function(name) {
  at <- series[[name]]$at
  seconds <- vapply(at, \(x) least(series[[name]]$run(x), c("user.self", "sys.self")), 0)
  message(name)
  data.frame(series = name, size = at, seconds = signif(seconds, 4))
}))

slope <- \(x, y) stats::coef(stats::lm(log(y) ~ log(x)))[[2L]]
slopes <- do.call(rbind, lapply(split(points, factor(points$series, unique(points$series))), \(d) {
  last <- utils::tail(d, 2L)
  data.frame(
    series = d$series[1L], from = d$size[1L], to = last$size[2L],
    seconds = sprintf("%.3g", last$seconds[2L]), slope = sprintf("%.2f", slope(d$size, d$seconds)),
    `last slope` = sprintf("%.2f", slope(last$size, last$seconds)), check.names = FALSE
  )
}))

# Wall seconds on one thread to all cores.
threads <- if ("threads" %in% wanted) {
  work <- list(
    "mash, 4000 x 20" = fit_at(4000, 20, 10), "weights, 50000 x 200" = weights_at(50000, 200),
    "deconvolution, 4000 x 20" = deconvolution_at(4000, 20, 8),
    "mr_mash, p 800, r 20" = regression_at(800, 20), "finemap, p 2000" = finemap_at(2000)
  )
  cores <- seq_len(parallel::detectCores())
  do.call(rbind, lapply(names(work), \(name) {
    wall <- vapply(cores, \(n) {
      options(mnmash.threads = n)
      least(work[[name]], "elapsed")
    }, 0)
    data.frame(work = name, threads = cores, seconds = signif(wall, 4), speedup = wall[1L] / wall)
  }))
}

look <- theme_minimal(base_size = 9) + theme(panel.grid.minor = element_blank())
labelled <- \(name) {
  s <- slopes[match(name, slopes$series), ]
  paste0(name, "\nslope ", s$slope, ", last ", s$`last slope`)
}
points$panel <- factor(labelled(points$series), unique(labelled(points$series)))
picture <- ggplot(points, aes(size, seconds)) +
  geom_line(colour = "grey60") +
  geom_point(size = 1) +
  facet_wrap(~panel, scales = "free", ncol = 3) +
  scale_x_log10() + scale_y_log10() +
  labs(x = "size", y = "CPU seconds, one thread") + look
ggsave("bench/results/scaling.png", picture, width = 7.5, height = 7.5, dpi = 110, bg = "white")
points$panel <- NULL
utils::write.csv(points, "bench/results/scaling.csv", row.names = FALSE)

source("bench/report.R")
lines <- c("#### Time against size", "", markdown(slopes), "", "![Time against size](results/scaling.png)")
if (!is.null(threads)) {
  picture <- ggplot(threads, aes(threads, speedup, colour = work)) +
    geom_abline(slope = 1, intercept = 0, linetype = 3, colour = "grey60") +
    geom_line() + geom_point() +
    expand_limits(y = max(threads$threads)) +
    scale_x_continuous(breaks = unique(threads$threads)) +
    labs(x = "threads", y = "times as fast, wall time", colour = NULL) + look
  ggsave("bench/results/threads.png", picture, width = 5, height = 3, dpi = 110, bg = "white")
  utils::write.csv(
    transform(threads, speedup = signif(speedup, 3)), "bench/results/threads.csv", row.names = FALSE
  )
  shown <- transform(threads, speedup = sprintf("%.2f", speedup))
  lines <- c(lines, "", markdown(shown), "", "![Times as fast against threads](results/threads.png)")
}
writeLines(lines, "bench/results/scaling.md")
