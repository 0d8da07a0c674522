# A genome of small regions, whose answers are held against mr_mash() and finemap() one by one.

small_genome <- function(G = 6, n = 80, p = 25, r = 2, missing = 0, seed = 1) {
  withr::local_seed(seed)
  genes <- lapply(seq_len(G), \(i) {
    X <- matrix(rnorm(n * p), n)
    for (j in 2:p) X[, j] <- 0.8 * X[, j - 1] + 0.6 * X[, j]
    dimnames(X) <- list(paste0("s", seq_len(n)), paste0("g", i, "v", seq_len(p)))
    B <- matrix(0, p, r)
    B[5, ] <- 0.7
    if (i %% 2) B[18, 1] <- -0.8
    Y <- X %*% B + matrix(rnorm(n * r), n)
    Y[sample(length(Y), missing * length(Y))] <- NA
    dimnames(Y) <- list(rownames(X), paste0("t", seq_len(r)))
    list(X = X, Y = Y)
  })
  stats::setNames(genes, paste0("gene", seq_len(G)))
}

test_that("a region's regression is that of mr_mash() under the same prior", {
  for (missing in c(0, 0.1)) {
    genes <- small_genome(3, missing = missing)
    fit <- mnm_regress(genes, tol = 1e-9, posterior = TRUE)
    for (name in names(genes)) {
      own <- mr_mash(
        genes[[name]]$X, genes[[name]]$Y, fit$prior, update_w0 = FALSE, standardize = TRUE,
        tol = 1e-9
      )
      found <- fit$fits[[name]]
      expect_equal(fit$regions$bound[fit$regions$region == name], own$ELBO, tolerance = 1e-10)
      expect_equal(found$effect, own$mu1, tolerance = 1e-8)
      expect_equal(found$sd, own$psd, tolerance = 1e-8)
      expect_equal(found$lfsr, own$lfsr, tolerance = 1e-8)
      expect_equal(found$V, own$V, tolerance = 1e-8)
      expect_equal(found$intercept, own$intercept, tolerance = 1e-8)
    }
  }
})

test_that("summary statistics of the samples give what the samples give", {
  genes <- small_genome(2)
  statistics <- lapply(genes, \(gene) {
    s <- univariate_sumstats(gene$X, gene$Y)
    list(Bhat = s$Bhat, Shat = s$Shat, LD = cor(gene$X), n = nrow(gene$X), covY = cov(gene$Y))
  })
  U <- list(shared = matrix(1, 2, 2), own = diag(2))
  prior <- mnm_regress(genes, U)$prior
  a <- mnm_regress(genes, prior, tol = 1e-10, posterior = TRUE)
  b <- mnm_regress(statistics, prior, tol = 1e-10, posterior = TRUE)
  for (name in names(genes)) {
    expect_equal(b$fits[[name]]$effect, a$fits[[name]]$effect, tolerance = 1e-6)
    expect_equal(b$fits[[name]]$lfsr, a$fits[[name]]$lfsr, tolerance = 1e-5)
  }
})

test_that("going on, expectation maximisation and restarts never lower the bound", {
  genes <- mnm_regions(small_genome(6, missing = 0.05))
  fit <- mnm_regress(genes)
  for (pass in 1:4) {
    restarts <- pass %% 2 == 0
    nxt <- mnm_regress(genes, mnm_weights(fit, "em"), start = fit, restarts = restarts)
    expect_true(all(is.finite(nxt$regions$bound)))
    expect_gte(nxt$bound, fit$bound - 1e-9 * abs(fit$bound))
    # Under the same prior, in every region.
    same <- mnm_regress(genes, nxt$prior, start = nxt, restarts = TRUE)
    expect_true(all(same$regions$bound >= nxt$regions$bound - 1e-9 * abs(nxt$regions$bound)))
    fit <- nxt
  }
  expect_gt(fit$bound, mnm_regress(genes)$bound + 1)
})

test_that("expected numbers and the sketch are those of all rows", {
  genes <- small_genome(4)
  fit <- mnm_regress(genes, tol = 1e-9)
  expect_equal(sum(fit$counts), sum(fit$regions$p))
  all <- lapply(genes, \(gene) {
    own <- mr_mash(
      gene$X, gene$Y, fit$prior, update_w0 = FALSE, standardize = TRUE, tol = 1e-9, w1 = TRUE
    )
    # Ratios of likelihoods to that of the null, from posterior weights.
    log(own$w1 / own$w1[, "null"]) - rep(log(own$w0 / own$w0[["null"]]), each = nrow(own$w1))
  })
  table <- do.call(rbind, all)
  expect_equal(
    unname(colSums(exp(table) * rep(c(fit$prior$null_weight, fit$prior$w), each = nrow(table)) /
                     drop(exp(table) %*% c(fit$prior$null_weight, fit$prior$w)))),
    unname(fit$counts), tolerance = 1e-6
  )
  whole <- mixture_weights(table, "uniform")
  sketch <- mnm_weights(fit)
  loglik <- \(pi) sum(log(exp(table) %*% pi))
  lost <- loglik(whole$pi) - loglik(c(sketch$null_weight, sketch$w))
  gained <- loglik(whole$pi) - loglik(c(fit$prior$null_weight, fit$prior$w))
  expect_lt(lost, 0.05 * gained)
})

test_that("regions and threads do not matter to each other, nor do their order and workers", {
  genes <- small_genome(5, missing = 0.05)
  one <- mnm_regress(genes, restarts = TRUE, n_threads = 1)
  two <- mnm_regress(genes, one$prior, restarts = TRUE, n_threads = 2)
  expect_identical(one$regions, two$regions)
  expect_identical(one$fits, two$fits)
  back <- mnm_regress(rev(genes), one$prior, restarts = TRUE)
  expect_identical(back$fits[names(genes)], one$fits)
  alone <- mnm_regress(genes["gene4"], one$prior, restarts = TRUE)
  expect_identical(alone$fits$gene4, one$fits$gene4)
})

test_that("workers give what the session gives", {
  skip_if_not_installed("future.apply")
  genes <- small_genome(3)
  expected <- mnm(genes, rounds = 0)
  before <- future::plan(future::multisession, workers = 2)
  withr::defer(future::plan(before))
  found <- mnm(genes, rounds = 0)
  expected$call <- found$call <- NULL
  expect_identical(found, expected)
})

test_that("regions that lack conditions have the margin of the prior", {
  genes <- small_genome(3)
  genes$gene2$Y <- genes$gene2$Y[, "t2", drop = FALSE]
  genes$gene3$Y <- genes$gene3$Y[, c("t2", "t1")]
  fit <- mnm_regress(genes, tol = 1e-9)
  expect_identical(fit$conditions, c("t1", "t2"))
  own <- mr_mash(
    genes$gene2$X, genes$gene2$Y, fit$prior, update_w0 = FALSE, standardize = TRUE, tol = 1e-9
  )
  expect_equal(fit$regions$bound[2], own$ELBO, tolerance = 1e-10)
  expect_equal(sum(fit$counts), sum(fit$regions$p))
  straight <- mnm_regress(small_genome(3)["gene3"], fit$prior, tol = 1e-9)
  expect_equal(straight$bound, fit$regions$bound[3], tolerance = 1e-10)
  expect_silent(prior <- mnm_covariances(fit))
  expect_s3_class(prior, "mnmash_prior")
})

test_that("the job keeps what raises the bound, and its parts are finemap() and mr_mash()", {
  genes <- small_genome(12)
  fit <- mnm(genes, K = 2)
  kept <- fit$trace[fit$trace$kept, ]
  steps <- kept$gain[kept$step %in% c("weights (em)", "effects")]
  expect_true(all(steps >= -1e-8 * abs(fit$trace$bound[1])))
  expect_gt(fit$trace$bound[nrow(fit$trace)], fit$trace$bound[1])
  # Rounds that stay are higher than what was before.
  stand <- tapply(kept$bound, kept$round, \(x) x[length(x)])
  expect_false(is.unsorted(stand))
  # Effects and sets of one region.
  gene <- fit$effects$gene3
  own <- mr_mash(
    genes$gene3$X, genes$gene3$Y, fit$prior, update_w0 = FALSE, standardize = TRUE,
    B_init = gene$effect, V = gene$V
  )
  expect_equal(own$ELBO, fit$regions$bound[3], tolerance = 1e-6)
  expect_lt(max(abs(gene$effect - own$mu1)), 0.01)
  fine <- summary(suppressMessages(finemap(
    finemap_data(genes$gene3$X, genes$gene3$Y), collapsed_prior(fit$prior), V = gene$V
  )))
  calls <- fit$calls[fit$calls$region == "gene3", ]
  expect_identical(calls$set, fine$set)
  expect_equal(calls$lfsr, fine$lfsr)
  leads <- fit$sets$lead[fit$sets$region == "gene3"]
  expect_true(all(leads %in% paste0("g3v", c(4:6, 17:19))))
})

test_that("bad regions are listed with their reasons, and the job goes on", {
  genes <- small_genome(4)
  bad <- list(
    samples = list(X = genes$gene1$X, Y = `rownames<-`(genes$gene1$Y, paste0("other", 1:80))),
    nothing = list(X = genes$gene1$X),
    word = c(genes$gene1, list(Q = 1)),
    file = list(X = "no-such-file.bed", Y = genes$gene1$Y),
    constant = list(X = genes$gene1$X, Y = genes$gene1$Y * 0),
    singular = list(X = genes$gene1$X, Y = genes$gene1$Y[, c(1, 1)] |> `colnames<-`(c("t1", "t2")))
  )
  fit <- mnm(c(genes, bad), rounds = 1, K = 2)
  expect_setequal(fit$failures$region, names(bad))
  expect_setequal(fit$regions$region, names(genes))
  expect_match(fit$failures$message[fit$failures$region == "file"], "no-such-file")
  expect_match(fit$failures$message[fit$failures$region == "word"], "\"Q\"")
  expect_output(print(fit), "6 regions failed")
  alone <- mnm(genes, rounds = 1, K = 2)
  expect_identical(fit$effects, alone$effects)
  expect_error(mnm(bad), class = "mnmash_error_region")
})

test_that("new samples are predicted as by the regressions", {
  genes <- small_genome(3)
  fit <- mnm(genes, rounds = 0)
  X <- genes$gene2$X[7:9, ]
  expected <- X %*% fit$effects$gene2$effect + rep(fit$effects$gene2$intercept, each = 3)
  expect_equal(predict(fit, list(gene2 = X[, 25:1]))$gene2, expected)
  all <- do.call(cbind, lapply(genes, \(gene) gene$X[7:9, ]))
  colnames(all) <- unlist(lapply(genes, \(gene) colnames(gene$X)))
  apart <- predict(fit, all)
  expect_equal(apart$gene2, expected)
  expect_equal(predict(fit, all, total = TRUE), Reduce(`+`, apart))
  expect_error(predict(fit, all[, -1]), class = "mnmash_error_names")
  expect_error(predict(fit), class = "mnmash_error_argument")
})

test_that("a folder that is left half-way is gone on with, to the same result", {
  genes <- small_genome(6)
  plain <- mnm(genes, rounds = 1, K = 2)
  folder <- withr::local_tempfile()
  whole <- mnm(genes, rounds = 1, K = 2, folder = folder)
  plain$call <- whole$call <- NULL
  expect_identical(whole, plain)
  # Stopped in the pass after each of some states.
  for (stop_at in c(1, 3, 5)) {
    folder <- withr::local_tempfile()
    count <- 0
    with_replaced("save_rds", \(original) \(x, file, ...) {
      if (basename(file) == "state.rds") {
        count <<- count + 1
        if (count == stop_at) stop("killed")
      }
      original(x, file, ...)
    }, expect_error(mnm(genes, rounds = 1, K = 2, folder = folder), "killed"))
    again <- mnm(genes, rounds = 1, K = 2, folder = folder)
    again$call <- NULL
    expect_identical(again, plain)
  }
  expect_error(mnm(genes, rounds = 2, K = 2, folder = folder), class = "mnmash_error_folder")
})

test_that("tables and words of a fit", {
  genes <- small_genome(4)
  fit <- mnm(genes, rounds = 1, K = 2)
  effects <- as.data.frame(fit)
  expect_identical(nrow(effects), 4L * 25L * 2L)
  at <- effects$variant == "g2v5" & effects$condition == "t2"
  expect_identical(effects$effect[at], fit$effects$gene2$effect["g2v5", "t2"])
  counted <- summary(fit)
  expect_identical(sum(counted$sets), sum(fit$calls$lfsr < 0.05))
  expect_identical(coef(fit)$gene1, fit$effects$gene1$effect)
  expect_output(print(fit), "4 regions, 100 variants, 2 conditions")
  slim <- mnm(genes, rounds = 0, effects = FALSE, finemap = FALSE)
  expect_error(coef(slim), class = "mnmash_error_argument")
  expect_error(as.data.frame(slim, what = "sets"), class = "mnmash_error_argument")
  skip_if_not_installed("ggplot2")
  withr::local_pdf(NULL)
  for (type in c("weights", "matrices", "trace", "sets")) {
    expect_no_error(print(plot(fit, type)))
  }
})
