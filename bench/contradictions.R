# How often statistics and LD that belong together are called a contradiction, and how often those
# that do not are found:
#   Rscript bench/contradictions.R [REGIONS [GENOTYPES.rds]]
# REGIONS (1000): in every second one data are spoiled, in several ways.
# GENOTYPES.rds: a matrix of people by variants, of which the regions are taken, in place of
# simulated ones (then without another ancestry).
suppressPackageStartupMessages(library(mnmash))
options(mnmash.threads = 1)
arguments <- commandArgs(trailingOnly = TRUE)
regions <- if (length(arguments)) as.integer(arguments[1L]) else 1000L
given <- if (length(arguments) > 1L) readRDS(arguments[2L])

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
    some <- sample(nrow(given), min(n + 500, nrow(given)))
    from <- sample(ncol(given) - 250, 1L) + 0:249
    study <- given[some[-(1:500)], from] + 0
    panel <- given[some[1:500], from] + 0
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

# The cause that is named: "" if there is none.
cause <- function(fit) {
  found <- tryCatch(
    suppressWarnings(fit), mnmash_error_contradiction = \(e) list(check = e$check)
  )
  paste0(found$check$cause, "")
}
by_finemap <- function(Z, LD, n, V, people = NULL, ...) {
  data <- finemap_sumstats(Z, LD, n, ..., check = FALSE, LD_samples = people)
  R <- ncol(V)
  cause(finemap(data, if (R == 1L) 1 else canonical(R), V = V))
}

results <- NULL
keep <- function(case, strength, found, right = "") {
  results <<- rbind(results, data.frame(
    case = case, strong = strength > 5.5, found = found != "", right = found %in% right
  ))
}

one_region <- function(i, pool) {
  n <- sample(c(300, 1000, 3000, 10000), 1L)
  if (!is.null(given)) n <- min(n, nrow(given) - 500)
  G <- draw(pool, n)
  n <- nrow(G$X)
  R <- if (i %% 3 == 0) 3L else 1L
  everything <- i %% 20 == 0
  Y <- outcomes(G$X, R, if (everything) ncol(G$X) else sample(0:12, 1L))
  Z <- z_scores(G$X, Y)
  V <- cor(Y)
  LD <- cor(G$X)
  strong <- max(abs(Z))
  label <- if (everything) "consistent: all causal" else if (R > 1L) "consistent: 3 conditions" else
    "consistent: 1 condition"
  keep(label, strong, by_finemap(Z, LD, n, V))
  grid <- 0.2 * 2^(-3:1)
  if (R == 1L) keep("consistent: mr_ash_rss", strong, cause(mr_ash_rss(Z = Z, LD = LD, n = n)))
  if (R > 1L && i %% 6 == 0) {
    keep("consistent: mr_mash_rss", strong, cause(mr_mash_rss(
      Z = Z, LD = LD, n = n, V = V, prior = canonical(R)$U, grid = grid, max_iter = 100
    )))
  }
  panel <- cor(G$panel)
  keep("consistent: panel of 500, said", strong, by_finemap(Z, panel, n, V, people = 500))
  keep("consistent: panel of 500, not said", strong, by_finemap(Z, panel, n, V))
  if (i %% 2 == 0) contradictions(Z, LD, n, V, G, strong)
}

# What is wrong, in regions with something to see.
contradictions <- function(Z, LD, n, V, G, strong) {
  if (strong < 4) return(invisible())
  seen <- which(apply(abs(Z), 1L, max) > 3)
  flip <- function(Z, at) {
    Z[at, ] <- -Z[at, ]
    Z
  }
  one <- flip(Z, seen[sample.int(length(seen), 1L)])
  keep("one allele swapped", strong, by_finemap(one, LD, n, V), "alleles")
  if (ncol(Z) == 1L) {
    keep("one swapped: mr_ash_rss", strong, cause(mr_ash_rss(Z = one, LD = LD, n = n)), "alleles")
  }
  some <- flip(Z, sample(nrow(Z), ceiling(nrow(Z) / 20)))
  keep("5 % swapped", strong, by_finemap(some, LD, n, V), "alleles")
  if (!is.null(G$other)) {
    keep("another ancestry", strong, by_finemap(Z, cor(G$other), n, V), "population")
  }
  keep("r^2 for r", strong, by_finemap(Z, LD^2, n, V), "squared")
  keep("|z| for z", strong, by_finemap(abs(Z), LD, n, V), "unsigned")
  keep("p for z", strong, by_finemap(2 * pnorm(-abs(Z)), LD, n, V), "p_values")
  # Outcomes of standard deviation 1 and 20: standard errors below and mostly above one.
  for (sd in c(1, 20 * sqrt(n))) {
    se <- sd / sqrt(n) / apply(G$X, 2L, stats::sd)
    Shat <- matrix(se, nrow(Z), ncol(Z))
    label <- if (sd == 1) "variance for small se" else "variance for large se"
    found <- by_finemap(NULL, LD, n, V, Bhat = Z * Shat, Shat = Shat^2)
    keep(label, strong, found, c("variances", "scale"))
  }
}

set.seed(1)
pools <- if (is.null(given)) lapply(1:8, \(i) populations(800))
for (i in seq_len(regions)) one_region(i, if (is.null(given)) pools[[1L + i %% 8L]])
summarise <- function(x) {
  data.frame(
    case = x$case[1L], regions = nrow(x), found = round(mean(x$found), 3),
    strong = sum(x$strong), found_strong = round(mean(x$found[x$strong]), 3),
    cause_right = if (any(x$found)) round(mean(x$right[x$found]), 2) else NA
  )
}
table <- do.call(rbind, lapply(split(results, results$case), summarise))
print(table, row.names = FALSE, right = FALSE)
if (is.null(given)) cat("Variants:", range(vapply(pools, \(H) ncol(H$one), 1L)), "\n")
cat("CPU seconds:", round(sum(proc.time()[1:2])), "\n")
