# How often statistics and LD that belong together are called a contradiction, and how often those
# that do not are found, with the right cause, by each function that takes them:
#   Rscript bench/contradictions.R [REGIONS [GENOTYPES]] >> bench/results/contradictions.md
# REGIONS (1000): in every fourth one data are spoiled, in several ways.
# GENOTYPES: "coalescent" (those of the tests), or a file .rds of a matrix of people by variants, of
# which the regions are taken, in place of simulated ones (then without another ancestry).
suppressPackageStartupMessages(library(mnmash))
options(mnmash.threads = 1)
arguments <- commandArgs(trailingOnly = TRUE)
regions <- if (length(arguments)) as.integer(arguments[1L]) else 1000L
given <- if (length(arguments) > 1L) arguments[2L]
if (identical(given, "coalescent")) {
  source("tests/testthat/helper-coalescent.R")
  pools <- coalescent_genotypes()
} else if (!is.null(given)) {
  pools <- list(readRDS(given))
}

# Haplotypes of a population after some generations: children of two parents who recombine.
descend <- function(H, size, generations, rate) {
  p <- ncol(H)
  for (g in seq_len(generations)) {
    parents <- matrix(sample(nrow(H), 2 * size, TRUE), size)
    cut <- ifelse(runif(size) < rate, runif(size) * p, p)
    first <- outer(cut, seq_len(p), ">=")
    H <- ifelse(first, H[parents[, 1L], ], H[parents[, 2L], ])
  }
  H
}

# Two populations of common ancestors, one of them with a bottleneck.
populations <- function(p) {
  frequency <- exp(runif(p, log(0.05), log(0.6)))
  ancestors <- matrix(runif(200 * p) < rep(frequency, each = 200), 200) + 0
  ancestors <- descend(ancestors, 200, 120, 0.5)
  one <- descend(descend(ancestors, 60, 20, 0.3), 1200, 4, 0.3)
  other <- descend(descend(ancestors, 100, 60, 0.5), 1200, 4, 0.5)
  common <- apply(one, 2L, var) > 0.02 & apply(other, 2L, var) > 0.02
  list(one = one[, common], other = other[, common])
}

people <- function(H, n) H[sample(nrow(H), n, TRUE), ] + H[sample(nrow(H), n, TRUE), ]

# Genotypes of a study, of 500 other people, and of another ancestry.
draw <- function(pool, n) {
  if (is.null(given)) {
    study <- people(pool$one, n)
    panel <- people(pool$one, 500)
    other <- people(pool$other, 2000)
  } else {
    some <- sample(nrow(pool), min(n + 500, nrow(pool)))
    from <- if (ncol(pool) > 400) sample(ncol(pool) - 250, 1L) + 0:249 else seq_len(ncol(pool))
    study <- pool[some[-(1:500)], from] + 0
    panel <- pool[some[1:500], from] + 0
    other <- NULL
  }
  varies <- apply(study, 2L, var) > 0.01 & apply(panel, 2L, var) > 0
  if (!is.null(other)) varies <- varies & apply(other, 2L, var) > 0
  lapply(list(X = study, panel = panel, other = other), \(G) if (!is.null(G)) G[, varies])
}

z_scores <- function(X, Y) {
  r <- cor(X, Y)
  r * sqrt((nrow(X) - 2) / (1 - r^2))
}

# Outcomes of 0 to 12 causal variants, or of all, that explain up to 60 %.
outcomes <- function(X, R, causal = sample(0:12, 1L)) {
  n <- nrow(X)
  E <- matrix(rnorm(n * R), n) %*% chol(0.3 + diag(0.7, R))
  if (causal == 0) return(E)
  share <- sample(c(0.01, 0.03, 0.1, 0.3, 0.6), 1L)
  B <- matrix(rnorm(causal * R), causal) * (runif(causal * R) < 0.8)
  B[1L] <- 1
  G <- scale(X)[, sample(ncol(X), causal), drop = FALSE] %*% B
  G * sqrt(share / max(apply(G, 2L, var))) + E * sqrt(1 - share)
}

canonical <- function(R) {
  single <- lapply(seq_len(R), \(r) diag(as.numeric(seq_len(R) == r), R))
  list(U = c(list(matrix(1, R, R), diag(R)), single), w = rep(1 / (R + 2), R + 2))
}

# The cause that each function names: "" if there is none. `of` is what finemap_sumstats() takes.
entries <- list(
  finemap = \(of, V) finemap(region(of), if (ncol(V) == 1L) 1 else canonical(ncol(V)), V = V),
  enrich = function(of, V) {
    near <- seq_len(nrow(of$LD)) %% 3 == 0
    found <- enrich(
      list(a = region(of)), cbind(near = near), method = "multi", prior = 1, penalty = 1,
      max_iter = 3, tol = 0.1
    )
    found$fits$a
  },
  mr_ash_rss = \(of, V) do.call(mr_ash_rss, of),
  deconvolve_rss = \(of, V) do.call(deconvolve_rss, of),
  mr_mash_rss = \(of, V) do.call(mr_mash_rss, c(
    of, list(V = V, prior = canonical(ncol(V))$U, grid = 0.2 * 2^(-3:1), max_iter = 100)
  ))
)
region <- \(of) do.call(finemap_sumstats, c(of, check = FALSE))
cause <- function(entry, of, V) {
  found <- tryCatch(
    suppressWarnings(entries[[entry]](of, V)),
    mnmash_error_contradiction = \(e) list(check = e$check)
  )
  # Of several fits, of conditions, the first that fails.
  checks <- c(list(found$check), if (entry == "deconvolve_rss") lapply(found$fits, `[[`, "check"))
  c(unlist(lapply(checks, `[[`, "cause")), "")[1L]
}

results <- NULL
keep <- function(case, entry, strength, of, V, right = "") {
  start <- proc.time()
  found <- cause(entry, of, V)
  results <<- rbind(results, data.frame(
    case = case, entry = entry, strong = strength > 5.5, found = found != "",
    right = found %in% right, seconds = sum((proc.time() - start)[1:2])
  ))
}

one_region <- function(i, pool) {
  n <- sample(c(300, 1000, 3000, 10000), 1L)
  if (!is.null(given)) n <- min(n, nrow(pool) - 500)
  G <- draw(pool, n)
  n <- nrow(G$X)
  R <- if (i %% 3 == 0) 3L else 1L
  everything <- i %% 20 == 0
  Y <- outcomes(G$X, R, if (everything) ncol(G$X) else sample(0:12, 1L))
  of <- list(Z = z_scores(G$X, Y), LD = cor(G$X), n = n)
  V <- cor(Y)
  strong <- max(abs(of$Z))
  usable <- c("finemap", if (R > 1L) c("deconvolve_rss", "mr_mash_rss") else "mr_ash_rss")
  if (R == 1L && i %% 4 < 2) usable <- c(usable, "enrich")
  for (entry in usable) keep("consistent", entry, strong, of, V)
  of$LD <- cor(G$panel)
  keep("panel of 500, not said", "finemap", strong, of, V)
  for (entry in usable) {
    if (entry == "finemap" || i %% 4 == 1) {
      keep("panel of 500, said", entry, strong, c(of, LD_samples = 500), V)
    }
  }
  of$LD <- cor(G$X)
  if (i %% 4 == 0 && strong > 4) {
    for (entry in usable) contradictions(entry, of, V, G, strong)
  }
}

# What is wrong, in regions with something to see.
contradictions <- function(entry, of, V, G, strong) {
  seen <- which(apply(abs(of$Z), 1L, max) > 3)
  flip <- function(at) {
    of$Z[at, ] <- -of$Z[at, ]
    of
  }
  spoiled <- function(case, right, ...) {
    keep(case, entry, strong, modifyList(of, list(...)), V, right)
  }
  one <- flip(seen[sample.int(length(seen), 1L)])
  spoiled("one allele swapped", "alleles", Z = one$Z)
  spoiled("5 % swapped", "alleles", Z = flip(sample(nrow(of$Z), ceiling(nrow(of$Z) / 20)))$Z)
  if (!is.null(G$other)) spoiled("another ancestry", "population", LD = cor(G$other))
  spoiled("r^2 for r", "squared", LD = of$LD^2)
  spoiled("abs(z) for z", "unsigned", Z = abs(of$Z))
  spoiled("p for z", "p_values", Z = 2 * pnorm(-abs(of$Z)))
  # Outcomes of standard deviation 1, and larger ones: standard errors below and above one.
  for (sd in c(1, c(3, 20) * sqrt(of$n))) {
    Shat <- matrix(sd / sqrt(of$n) / apply(G$X, 2L, stats::sd), nrow(of$Z), ncol(of$Z))
    label <- if (sd == 1) "variance for small se" else paste("variance for se of", sd / sqrt(of$n))
    right <- c("variances", "scale")
    spoiled(label, right, Z = NULL, Bhat = of$Z * Shat, Shat = Shat^2)
  }
}

set.seed(1)
if (is.null(given)) pools <- lapply(1:8, \(i) populations(800))
for (i in seq_len(regions)) {
  set.seed(i)
  one_region(i, pools[[1L + (i - 1L) %% length(pools)]])
}
summarise <- function(x) {
  data.frame(
    case = x$case[1L], entry = x$entry[1L], regions = nrow(x), found = sum(x$found),
    rate = round(mean(x$found), 3), rate_strong = round(mean(x$found[x$strong]), 3),
    cause_right = if (any(x$found)) round(mean(x$right[x$found]), 2) else NA,
    cpu = signif(mean(x$seconds), 2)
  )
}
results$entry <- factor(results$entry, names(entries))
results$case <- factor(results$case, unique(results$case))
table <- do.call(rbind, lapply(split(results, results[c("entry", "case")], drop = TRUE), summarise))
row <- \(x) cat("|", paste(x, collapse = " | "), "|\n")
sizes <- if (is.null(given)) vapply(pools, \(H) ncol(H$one), 1L) else vapply(pools, ncol, 1L)
cat(
  "\n#### ", regions, " regions of ",
  if (is.null(given)) "simulated populations" else basename(given),
  " with ", paste(range(sizes), collapse = " to "), " variants\n\n", sep = ""
)
row(names(table))
row(rep("---", ncol(table)))
for (i in seq_len(nrow(table))) row(vapply(table[i, ], format, ""))
cat("\nCPU seconds:", round(sum(proc.time()[1:2])), "\n")
