# The modular route: does a prior from deconvolved or fine-mapped effects of many genes serve
# fine-mapping better than one from univariate effects, under the linkage of people?
#
#   Rscript bench/route.R [replicates=3] [first=1] [priors="deconvolved;true"]
#                         [out=bench/results/route.csv]
#
# From the package's root, with the package installed; two to four minutes a replicate. Rows are
# added to the table `out`, and a table in markdown beside it is written anew; what the table has of
# a replicate is not repeated. One thread.
#
# 600 people, six tissues, of which three are of the brain; errors are correlated by .3. Genes are
# of two kinds: "opposing" ones have two variants with effects of one sign, one acting in the brain,
# the other elsewhere, in negative linkage (-.85 to -.35), so that univariate effects have opposite
# signs; the others have one or two variants that act everywhere. Each variant with an effect
# explains about 6 % of the variance. Priors are learnt from 60 genes of regions 1 to 15, and 120
# genes of regions 16 to 30 are fine-mapped with each, all with the true residual covariance.
library(mnmash)
`%||%` <- \(a, b) if (is.null(a)) b else a
options(mnmash.threads = 1, mnmash.progress = FALSE)
source("tests/testthat/helper-coalescent.R")

# ---- genes ---------------------------------------------------------------------------------------
tissues <- c("liver", "lung", "skin", "cortex", "cerebellum", "amygdala")
brain <- 4:6
others <- 1:3
V <- matrix(0.3, 6, 6, dimnames = list(tissues, tissues))
diag(V) <- 1
sizes <- \(n, k) sqrt(0.06) * exp(matrix(rnorm(n * k, sd = 0.2), n))
either <- \(n) sample(c(-1, 1), n, TRUE)

effects_of <- function(LD, opposing) {
  B <- matrix(0, ncol(LD), 6)
  pairs <- which(LD < -0.35 & LD > -0.85, arr.ind = TRUE)
  if (opposing && nrow(pairs)) {
    at <- pairs[sample.int(nrow(pairs), 1), ]
    sign <- either(1)
    B[at[1], others] <- sign * sizes(1, 3)
    B[at[2], brain] <- sign * sizes(1, 3)
  } else {
    at <- sample(ncol(LD), sample(1:2, 1))
    B[at, ] <- either(length(at)) * sizes(length(at), 6)
  }
  B
}

gene <- function(X, opposing) {
  X <- scale(X)
  LD <- cor(X)
  B <- effects_of(LD, opposing)
  Y <- X %*% B + matrix(rnorm(6 * nrow(X)), nrow(X)) %*% chol(V)
  colnames(Y) <- tissues
  acts <- rowSums(B != 0) > 0
  list(X = X, Y = Y, B = B, LD = LD, opposing = any(B[acts, ] == 0))
}

# `times` genes of each kind in each region, each of other people.
genes <- function(regions, times) {
  draws <- lapply(seq_len(times), \(i) {
    X <- coalescent_genotypes(regions, 600, shuffled = TRUE)
    c(
      stats::setNames(lapply(X, gene, TRUE), paste0(names(X), "-opposing-", i)),
      stats::setNames(lapply(X, gene, FALSE), paste0(names(X), "-other-", i))
    )
  })
  do.call(c, draws)
}

# ---- priors --------------------------------------------------------------------------------------
# Univariate effects in the place of deconvolved ones, for the same choice of rows.
univariate <- function(gene) {
  found <- univariate_sumstats(gene$X, gene$Y)
  structure(list(Bhat = found$Bhat, Shat = found$Shat, V = V), class = "deconvolved")
}
of_sets <- \(w) {
  U <- lapply(list(brain = brain, others = others, all = 1:6), \(at) {
    U <- 0 * V
    U[at, at] <- 1
    U
  })
  list(U = U, w = w)
}

learn <- \(input, ...) suppressWarnings(mixture_prior(input, verbose = FALSE, ...))
mapped <- \(train, prior) {
  signal_input(each_region(train, \(gene) finemap(finemap_data(gene$X, gene$Y), prior)))
}

# What priors are learnt from, each made when it is asked for.
inputs_of <- function(train) {
  found <- new.env()
  delayedAssign("univariate", signal_input(lapply(train, univariate)), assign.env = found)
  delayedAssign("deconvolved", signal_input(each_region(train, \(gene) {
    suppressWarnings(deconvolve(gene$X, gene$Y), classes = "mnmash_warning_convergence")
  })), assign.env = found)
  delayedAssign("canonical", {
    strong <- found$univariate[c("strong.b", "strong.s")]
    U <- cov_canonical(mash_set_data(strong$strong.b, strong$strong.s))
    list(U = U, w = rep(1 / length(U), length(U)))
  }, assign.env = found)
  delayedAssign("mapped", mapped(train, found$canonical), assign.env = found)
  delayedAssign("twice", mapped(train, learn(found$mapped)), assign.env = found)
  delayedAssign("thrice", mapped(train, learn(found$twice)), assign.env = found)
  found
}

priors <- list(
  "none learnt (canonical)" = \(of) of$canonical,
  "univariate, ud" = \(of) learn(of$univariate, engine = "ud"),
  "univariate" = \(of) learn(of$univariate),
  "deconvolved, ud" = \(of) learn(of$deconvolved, engine = "ud"),
  "deconvolved" = \(of) learn(of$deconvolved),
  "fine-mapped" = \(of) learn(of$mapped),
  "fine-mapped, twice" = \(of) learn(of$twice),
  "fine-mapped, three times" = \(of) learn(of$thrice),
  "true" = \(of) of_sets(c(0.4, 0.4, 0.2))
)

given <- strsplit(commandArgs(trailingOnly = TRUE), "=", fixed = TRUE)
given <- stats::setNames(lapply(given, `[`, 2), vapply(given, `[`, "", 1))
choices <- list(
  replicates = "3", first = "1", priors = paste(names(priors), collapse = ";"),
  out = "bench/results/route.csv"
)
stopifnot(all(names(given) %in% names(choices)))
choices[names(given)] <- given
replicates <- as.numeric(choices$first) + seq_len(as.numeric(choices$replicates)) - 1

# ---- scores --------------------------------------------------------------------------------------
# A call is a set and a tissue whose signal has an lfsr below .05 there: the mean of the lfsr over
# the places of the effect. It is right if a variant of the set acts in the tissue, with this sign.
calls_of <- function(fit, gene) {
  acts <- which(rowSums(gene$B != 0) > 0)
  none <- data.frame(lfsr = numeric(), right = logical(), held = logical())
  rbind(none, do.call(rbind, lapply(names(fit$sets), \(l) {
    e <- fit$effects[[l]]
    place <- fit$alpha[l, e$variable]
    mean <- matrix(0, nrow(gene$B), 6)
    mean[e$variable, ] <- e$mean
    inside <- intersect(acts, fit$sets[[l]]$variables)
    agree <- sign(gene$B[inside, , drop = FALSE]) == sign(mean[inside, , drop = FALSE])
    data.frame(
      lfsr = colSums(place * e$lfsr) / sum(place), right = colSums(agree) > 0,
      held = length(inside) > 0
    )
  })))
}

scores_of <- function(prior, test) {
  one <- lapply(test, \(gene) {
    fit <- suppressWarnings(suppressMessages(
      finemap(finemap_data(gene$X, gene$Y), prior, V = V)
    ))
    acts <- which(rowSums(gene$B != 0) > 0)
    calls <- calls_of(fit, gene)
    calls <- calls[calls$lfsr < 0.05, ]
    in_set <- unlist(lapply(fit$sets, `[[`, "variables"))
    c(
      sets = length(fit$sets), acts = length(acts), found = sum(acts %in% in_set),
      holding = sum(vapply(fit$sets, \(s) any(acts %in% s$variables), NA)),
      calls = nrow(calls), wrong = sum(!calls$right), wrong_held = sum(!calls$right[calls$held])
    )
  })
  counts <- do.call(rbind, one)
  opposing <- vapply(test, `[[`, NA, "opposing")
  total <- \(rows) {
    t <- colSums(counts[rows, , drop = FALSE])
    c(
      power = t[["found"]] / t[["acts"]], coverage = t[["holding"]] / t[["sets"]],
      calls = t[["calls"]], wrong = t[["wrong"]] / t[["calls"]],
      wrong_held = t[["wrong_held"]] / t[["calls"]]
    )
  }
  rbind(opposing = total(opposing), all = total(rep(TRUE, length(test))))
}

scores <- if (file.exists(choices$out)) utils::read.csv(choices$out)
for (replicate in replicates) {
  wanted <- strsplit(choices$priors, ";", fixed = TRUE)[[1]]
  wanted <- setdiff(wanted, scores$prior[scores$replicate == replicate])
  if (!length(wanted)) next
  set.seed(replicate)
  train <- genes(1:15, 2)
  test <- genes(16:30, 4)
  of <- inputs_of(train)
  for (prior in wanted) {
    learnt <- priors[[prior]](of)
    found <- scores_of(learnt, test)
    null_weight <- learnt$null_weight %||% NA
    rows <- data.frame(
      replicate, prior, genes = rownames(found), found, null_weight, row.names = NULL
    )
    scores <- rbind(scores, rows)
    utils::write.csv(scores, choices$out, row.names = FALSE)
  }
}

# ---- the table -----------------------------------------------------------------------------------
order <- intersect(names(priors), scores$prior)
shown <- do.call(rbind, lapply(c("opposing", "all"), \(kind) {
  do.call(rbind, lapply(order, \(prior) {
    own <- scores[scores$genes == kind & scores$prior == prior, ]
    mean_se <- \(x) sprintf("%.3f ± %.3f", mean(x), stats::sd(x) / sqrt(length(x)))
    data.frame(
      genes = kind, prior, n = nrow(own), wrong = mean_se(own$wrong),
      wrong_held = mean_se(own$wrong_held), power = mean_se(own$power),
      coverage = mean_se(own$coverage), calls = round(mean(own$calls)),
      null_weight = signif(mean(own$null_weight, na.rm = TRUE), 3)
    )
  }))
}))
lines <- c(
  paste("|", paste(names(shown), collapse = " | "), "|"),
  paste("|", paste(rep("---", ncol(shown)), collapse = " | "), "|"),
  paste("|", do.call(paste, c(unname(shown), sep = " | ")), "|")
)
writeLines(lines, sub("[.]csv$", ".md", choices$out))
# The article shows it.
utils::write.csv(shown, "vignettes/route.csv", row.names = FALSE)
print(shown, row.names = FALSE)
