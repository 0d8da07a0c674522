# Do credible sets keep their promise? Of statements "a variable of this set acts in this condition
# with this sign" and "this signal does", the share that is wrong against the share that is
# promised, under linkage of people, with priors that are known, learnt, or canonical.
#
#   Rscript bench/set-errors.R [copies=20] [learning=16] [out=bench/results/set-errors]
#
# From the package's root, with the package installed. 15 regions x `copies` data sets of fresh
# people (the haplotypes of tests/testthat/fixtures/coalescent.xz, paired anew), 600 people, 6
# conditions, one to five causal variants of 3% of the variance, the residual correlation known;
# priors are learnt from the other 15 regions, `learning` genes each. One thread.
library(mnmash)
options(mnmash.threads = 1, mnmash.progress = FALSE)
source("tests/testthat/helper-coalescent.R")

given <- strsplit(commandArgs(trailingOnly = TRUE), "=", fixed = TRUE)
given <- stats::setNames(lapply(given, `[`, 2), vapply(given, `[`, "", 1))
choices <- list(copies = "20", learning = "16", out = "bench/results/set-errors")
stopifnot(all(names(given) %in% names(choices)))
choices[names(given)] <- given
people <- 600
R <- 6
V <- 0.3 + diag(0.7, R)
conditions <- paste0("t", seq_len(R))

# Effects in all conditions, alike or the same, in half of them, or in one.
block <- function(at) {
  U <- matrix(0, R, R)
  U[at, at] <- 0.8
  U[cbind(at, at)] <- 1
  U
}
truth <- list(
  U = c(
    list(alike = 0.75 + diag(0.25, R), same = matrix(1, R, R), first = block(1:3),
         second = block(4:6)),
    lapply(stats::setNames(seq_len(R), conditions), \(r) diag(as.numeric(seq_len(R) == r)))
  ),
  w = c(0.4, 0.2, 0.1, 0.1, rep(0.2 / R, R))
)
truth$U <- lapply(truth$U, `dimnames<-`, list(conditions, conditions))
roots <- lapply(truth$U, \(U) {
  e <- eigen(U, symmetric = TRUE)
  sqrt(pmax(e$values, 0)) * t(e$vectors)
})

gene <- function(X, causal) {
  p <- ncol(X)
  at <- sample(p, causal)
  kind <- sample(length(roots), causal, TRUE, truth$w)
  B <- matrix(0, p, R)
  for (i in seq_len(causal)) {
    b <- sqrt(0.03) * drop(rnorm(R) %*% roots[[kind[i]]])
    B[at[i], ] <- ifelse(diag(truth$U[[kind[i]]]) > 0, b, 0)
  }
  Y <- scale(X) %*% B + matrix(rnorm(nrow(X) * R), nrow(X)) %*% chol(V)
  colnames(Y) <- conditions
  list(X = X, Y = Y, B = B)
}

polymorphic <- \(X) X[, apply(X, 2, stats::sd) > 0, drop = FALSE]

set.seed(1)
start <- sum(proc.time()[1:2])
rows <- list()
for (copy in seq_len(as.numeric(choices$learning))) {
  for (X in coalescent_genotypes(1:15, people, shuffled = TRUE)) {
    d <- gene(polymorphic(X), sample(5, 1))
    s <- univariate_sumstats(d$X, d$Y)
    z <- apply(abs(s$Bhat / s$Shat), 1, max)
    kept <- unique(c(which.max(z), sample(length(z), 20)))
    rows[[length(rows) + 1]] <- list(
      Bhat = s$Bhat[kept, ], Shat = s$Shat[kept, ], block = rep(length(rows), length(kept))
    )
  }
}
bind <- \(name) do.call(rbind, lapply(rows, `[[`, name))
units <- list(Bhat = unname(bind("Bhat")), Shat = unname(bind("Shat")))
colnames(units$Bhat) <- colnames(units$Shat) <- conditions
data <- mash_set_data(units$Bhat, units$Shat, alpha = 1, V = V)
blocks <- unlist(lapply(rows, `[[`, "block"))
learnt <- suppressWarnings(suppressMessages(
  learn_prior(data, blocks = blocks, product = FALSE, seed = 1)
))
priors <- list(
  oracle = as_prior(c(truth, list(effect_model = "EZ"))), learnt = learnt,
  canonical = suppressMessages(as_prior(cov_canonical(data)))
)
cat("priors:", round(sum(proc.time()[1:2]) - start, 1), "CPU s\n")

# What a fit says of each set and condition, and whether it is so.
statements <- function(d, prior) {
  fit <- suppressWarnings(finemap(finemap_data(d$X, d$Y), prior, V = V))
  causal <- which(rowSums(d$B != 0) > 0)
  do.call(rbind, lapply(names(fit$sets), \(l) {
    set <- fit$sets[[l]]
    toward <- sign(fit$lead_ld[, l])
    acts <- sign(d$B[causal, , drop = FALSE]) * toward[causal] == rep(set$sign, each = length(causal))
    inside <- causal %in% set$variables
    near <- inside | abs(fit$lead_ld[causal, l]) > 0.5
    data.frame(
      condition = conditions, set = set$lfsr, signal = set$signal_lfsr,
      single_effect = fit$single_effect_lfsr[l, ],
      set_wrong = !apply(acts & inside, 2, any), signal_wrong = !apply(acts & near, 2, any),
      row.names = NULL
    )
  }))
}

found <- list()
start <- sum(proc.time()[1:2])
for (copy in seq_len(as.numeric(choices$copies))) {
  set.seed(1000 + copy)
  regions <- coalescent_genotypes(16:30, people, shuffled = TRUE)
  for (i in seq_along(regions)) {
    d <- gene(polymorphic(regions[[i]]), 1 + (i + copy) %% 5)
    for (arm in names(priors)) {
      said <- statements(d, priors[[arm]])
      if (!is.null(said)) {
        found[[length(found) + 1]] <- cbind(arm = arm, data_set = 15 * copy + i, said)
      }
    }
  }
}
found <- do.call(rbind, found)
cat("fits:", round(sum(proc.time()[1:2]) - start, 1), "CPU s\n")

# Shares of wrong statements, with standard errors that take data sets for what is independent.
score <- function(x, promised, wrong) {
  sums <- tapply(wrong - mean(wrong), x$data_set, sum)
  data.frame(
    statements = length(wrong), promised = mean(promised), wrong = mean(wrong),
    se = sqrt(sum(sums^2)) / length(wrong), true = sum(!wrong)
  )
}
cuts <- c(0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.001)
table <- list()
for (arm in names(priors)) {
  x <- found[found$arm == arm, ]
  for (level in c("set", "signal", "single_effect")) {
    wrong <- x[[if (level == "signal") "signal_wrong" else "set_wrong"]]
    promised <- x[[level]]
    add <- \(range, rows) if (any(rows)) {
      table[[length(table) + 1]] <<- cbind(
        arm = arm, level = level, range = range, score(x[rows, ], promised[rows], wrong[rows])
      )
    }
    add("below 0.05", promised < 0.05)
    if (level == "single_effect") next
    for (i in seq_along(cuts)[-1]) {
      range <- paste(cuts[i - 1], "to", min(cuts[i], 1))
      add(range, promised >= cuts[i - 1] & promised < cuts[i])
    }
  }
}
table <- do.call(rbind, table)
utils::write.csv(table, paste0(choices$out, ".csv"), row.names = FALSE)
shown <- cbind(table[1:4], signif(table[5:7], 3), table[8])
line <- \(x) paste0("| ", paste(x, collapse = " | "), " |")
writeLines(
  c(
    "Statements of credible sets (bench/set-errors.R): `set`, a variable of this set acts here with",
    "this sign; `signal`, one in the set or with a correlation beyond 0.5 to its lead does;",
    "`single_effect`, the lfsr of the effect read as the first. Standard errors are over data sets.",
    "", line(names(shown)), line(rep("---", ncol(shown))), apply(shown, 1, line)
  ),
  paste0(choices$out, ".md")
)
print(shown, row.names = FALSE)
