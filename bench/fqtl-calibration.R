# Are the inclusion probabilities of fqtl() probabilities? Noise, direct effects with and without
# linkage disequilibrium, and factors, with the default prior and with spikes and slabs.
#
#   Rscript bench/fqtl-calibration.R [seeds=10] [first=1] [out=bench/results/fqtl-calibration.csv]
#
# From the package's root, with the package installed; one thread, about ten minutes. Each fit is a
# row of the table `out`; a summary in markdown is written beside it.
library(mnmash)
options(mnmash.threads = 1, mnmash.progress = FALSE)
given <- strsplit(commandArgs(trailingOnly = TRUE), "=", fixed = TRUE)
given <- stats::setNames(lapply(given, `[`, 2), vapply(given, `[`, "", 1))
choices <- list(seeds = "10", first = "1", out = "bench/results/fqtl-calibration.csv")
stopifnot(all(names(given) %in% names(choices)))
choices[names(given)] <- given
seeds <- as.numeric(choices$first) + seq_len(as.numeric(choices$seeds)) - 1

noise <- \(n, m) matrix(rnorm(n * m), n)

# Haplotypes of a block without recombination: a neutral coalescent tree with `variants` mutations
# of frequency above .03. Many are perfect proxies of one another, as in a real block.
tree_block <- function(haplotypes, variants) {
  below <- diag(haplotypes) == 1
  live <- seq_len(haplotypes)
  span <- numeric(2 * haplotypes - 1)
  while (length(live) > 1) {
    count <- length(live)
    span[live] <- span[live] + rexp(1, count * (count - 1) / 2)
    pair <- sample(count, 2)
    below <- cbind(below, below[, live[pair[1]]] | below[, live[pair[2]]])
    live <- c(live[-pair], ncol(below))
  }
  frequency <- colMeans(below)
  span[pmin(frequency, 1 - frequency) < 0.03] <- 0
  below[, sample(length(span), variants, replace = TRUE, prob = span)]
}

region <- function(n, blocks = 10, variants = 30) {
  H <- do.call(cbind, replicate(blocks, tree_block(2 * n, variants), simplify = FALSE))
  pairs <- sample(2 * n)
  scale(H[pairs[seq_len(n)], ] + H[pairs[n + seq_len(n)], ])
}

near <- \(p, m, width) outer(seq_len(p), seq_len(m), \(i, j) abs(i - j) <= width)

# Variants of `rank` factors, each with three variants and seven of the outcomes, which explain .15
# of the variance of an outcome; two fifths of the cells are missing.
factors <- function(rank, n = 400, m = 20) {
  X <- region(n)
  B <- matrix(0, ncol(X), m)
  for (k in seq_len(rank)) {
    at <- list(sample(ncol(X), 3), sample(m, 7))
    B[at[[1]], at[[2]]] <- B[at[[1]], at[[2]]] + outer(rnorm(3), abs(rnorm(7, 1, 0.3)))
  }
  signal <- apply(X %*% B, 2, var)
  B <- B / rep(sqrt(ifelse(signal > 0, signal * 0.85 / 0.15, 1)), each = ncol(X))
  Y <- X %*% B + noise(n, m)
  Y[runif(n * m) < 0.4] <- NA
  list(Y = Y, X = X, B = B)
}

designs <- list(
  "noise, 100 x 50, 11 candidates" = \() {
    list(Y = noise(100, 50), X = noise(100, 200), cis = near(200, 50, 5))
  },
  "noise, 300 x 10, 41 candidates" = \() {
    list(Y = noise(300, 10), X = noise(300, 100), cis = near(100, 10, 20))
  },
  "noise, 500 x 20, 200 candidates" = \() list(Y = noise(500, 20), X = noise(500, 200), cis = TRUE),
  "half of 40 outcomes have an effect" = \() {
    X <- noise(200, 400)
    B <- matrix(0, 400, 40)
    B[cbind(10 * (0:19) + sample(10, 20, TRUE), 1:20)] <- sample(c(-0.5, 0.5), 20, TRUE)
    cis <- outer(1:400, 1:40, \(i, j) ceiling(i / 10) == j)
    list(Y = X %*% B + noise(200, 40), X = X, B = B, cis = cis)
  },
  "0-3 effects of 300 variants in LD" = \() {
    X <- region(400)
    B <- vapply(1:10, \(t) {
      b <- numeric(ncol(X))
      at <- sample(ncol(X), sample(0:3, 1))
      replace(b, at, rnorm(length(at), 0, 0.25))
    }, numeric(ncol(X)))
    list(Y = X %*% B + noise(400, 10), X = X, B = B, cis = TRUE)
  },
  "one factor in LD" = \() factors(1),
  "three factors in LD" = \() factors(3)
)

# Counts and sums over the cells of one kind: what was promised, and what is true.
count <- function(pip, true) {
  bins <- cut(pip, c(-1, 0.1, 0.5, 0.9, 1), labels = c("low", "some", "likely", "sure"))
  of <- \(x) tapply(x, bins, sum, default = 0)
  c(n = of(rep(1, length(pip))), promised = of(pip), true = of(true + 0), noise = sum(!true))
}

rows <- list()
for (design in names(designs)) {
  for (seed in seeds) {
    set.seed(1000 * match(design, names(designs)) + seed)
    d <- designs[[design]]()
    if (is.null(d$B)) d$B <- matrix(0, ncol(d$X), ncol(d$Y))
    cells <- if (is.matrix(d$cis)) d$cis else matrix(TRUE, ncol(d$X), ncol(d$Y))
    models <- if (is.null(d$cis)) c(factors = 5) else c(direct = 0, both = 5)
    for (model in names(models)) {
      for (prior in c("susie", "spike_slab")) {
        seconds <- sum(system.time(fit <- suppressWarnings(
          fqtl(d$Y, d$X, K = models[[model]], cis = d$cis, u_prior = prior)
        ))[1:2])
        kinds <- list(
          variant = list(pip(fit), rowSums(d$B != 0) > 0),
          cell = list(pip(fit, "outcome")[cells], d$B[cells] != 0)
        )
        for (kind in names(kinds)) {
          rows[[length(rows) + 1]] <- data.frame(
            design, model, prior, kind, seed, as.list(do.call(count, kinds[[kind]])),
            rank = fit$rank, seconds
          )
        }
      }
    }
  }
}
rows <- do.call(rbind, rows)
utils::write.csv(rows, choices$out, row.names = FALSE)

sums <- stats::aggregate(
  rows[-(1:5)], rows[c("design", "model", "prior", "kind")], sum
)
sums <- sums[order(match(sums$design, names(designs)), sums$model, sums$kind, sums$prior), ]
share <- \(true, n) ifelse(n > 0, sprintf("%.3f (%d)", true / n, n), "-")
table <- with(sums, data.frame(
  design, model, `of a` = kind, prior,
  `noise above .5` = sprintf(
    "%.3f %%", 100 * (n.likely + n.sure - true.likely - true.sure) / noise
  ),
  `above .9: true` = share(true.sure, n.sure), `.5 to .9: true` = share(true.likely, n.likely),
  `promised` = ifelse(n.likely > 0, sprintf("%.3f", promised.likely / n.likely), "-"),
  `.1 to .5: true` = share(true.some, n.some),
  `promised ` = ifelse(n.some > 0, sprintf("%.3f", promised.some / n.some), "-"),
  found = true.likely + true.sure, seconds = sprintf("%.2f", seconds / length(seeds)),
  check.names = FALSE
))
line <- \(x) paste0("| ", paste(x, collapse = " | "), " |")
writeLines(c(
  paste0(
    "Inclusion probabilities of fqtl() against the truth, ", length(seeds), " seeds of each design",
    " (bench/fqtl-calibration.R)."
  ),
  "Shares of true ones, with the numbers in brackets; seconds of processor time for each fit.", "",
  line(names(table)), line(rep("---", ncol(table))), apply(table, 1, line)
), sub("[.]csv$", ".md", choices$out))
print(table, row.names = FALSE)
