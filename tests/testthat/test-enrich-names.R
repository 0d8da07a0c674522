# Loci and annotations in other orders, units and codings: the same enrichment.

many_loci <- function(J = 60, each = 20) {
  set.seed(15)
  m <- J * each
  near <- rbinom(m, 1, 0.15)
  tss <- abs(rnorm(m, 0, 3e5))
  causal <- rbinom(m, 1, plogis(-3.5 + 1.5 * near)) == 1
  loci <- data.frame(
    locus = rep(paste0("g", seq_len(J)), each = each), z = rnorm(m, sd = ifelse(causal, 4, 1)),
    row.names = paste0("rs", seq_len(m))
  )
  list(loci = loci, x = cbind(near, tss) |> `rownames<-`(rownames(loci)))
}

test_that("the average probability has the interval of its likelihood", {
  d <- many_loci()
  fit <- enrich(d$loci, tol = 1e-10)
  lbf <- local({
    m <- sapply(c(1, 4, 16, 25), \(k) -0.5 * log1p(k) + 0.5 * d$loci$z^2 * k / (1 + k))
    log(rowMeans(exp(m)))
  })
  loglik <- function(a) {
    sum(log1p(tapply(exp(a + lbf), d$loci$locus, sum))) - length(lbf) * log1p(exp(a))
  }
  best <- optimize(loglik, c(-20, 0), maximum = TRUE, tol = 1e-10)
  expect_equal(fit$coef$estimate, best$maximum, tolerance = 1e-4)
  loss <- \(a) 2 * (best$objective - loglik(a)) - qchisq(0.95, 1)
  expect_equal(fit$coef$lower, uniroot(loss, c(-20, best$maximum))$root, tolerance = 1e-3)
  expect_equal(fit$coef$upper, uniroot(loss, c(best$maximum, 0))$root, tolerance = 1e-3)
  expect_identical(enrich(d$loci, penalty = 1, conf_level = NULL)$coef$estimate,
                   enrich(d$loci, conf_level = NULL)$coef$estimate)
})

test_that("units of annotations change nothing but units", {
  d <- many_loci()
  unit <- c(1, 1e-5)
  for (penalty in c(0, 3)) {
    fit <- enrich(d$loci, d$x, penalty = penalty)
    other <- enrich(d$loci, sweep(d$x, 2, unit, "*"), penalty = penalty)
    numbers <- c("estimate", "lower", "upper")
    expect_equal(as.matrix(other$coef[numbers]) * c(1, unit), as.matrix(fit$coef[numbers]),
                 tolerance = 1e-6)
    expect_equal(other$pip, fit$pip, tolerance = 1e-8)
  }
  start <- c(tss = 1e-7, near = 0.5, `(Intercept)` = -4)
  started <- \(start, unit) {
    suppressWarnings(enrich(d$loci, sweep(d$x, 2, unit, "*"), start = start, max_iter = 0,
                            conf_level = NULL))
  }
  expect_equal(started(start, 1)$coef$estimate, unname(rev(start)), tolerance = 1e-12)
  expect_equal(started(start / c(1e-5, 1, 1), unit)$pip, started(start, 1)$pip, tolerance = 1e-10)
})

test_that("variables and loci are matched by name, together or not", {
  d <- many_loci()
  fit <- enrich(d$loci, d$x)
  same <- \(other) {
    expect_equal(other$coef, fit$coef, tolerance = 1e-8)
    expect_equal(other$pip[names(fit$pip)], fit$pip, tolerance = 1e-8)
    expect_equal(other$prior_weights[names(fit$pip)], fit$prior_weights, tolerance = 1e-8)
  }
  order <- sample(nrow(d$x))
  same(enrich(d$loci, d$x[order, ]))
  same(suppressMessages(enrich(d$loci, rbind(d$x[order, ], more = c(1, 1)))))
  mixed <- enrich(d$loci[order, ], d$x)
  mixed$pip <- Map(\(p, q) p[names(q)], mixed$pip[names(fit$pip)], fit$pip)
  mixed$prior_weights <- Map(\(p, q) p[names(q)], mixed$prior_weights[names(fit$pip)], fit$pip)
  same(mixed)
  # Without names, rows go together.
  bare <- enrich(data.frame(d$loci[order, ], row.names = NULL), unname(d$x[order, ]),
                 conf_level = NULL)
  expect_equal(bare$coef$estimate, fit$coef$estimate, tolerance = 1e-8)
  expect_identical(names(bare$pip), unique(d$loci$locus[order]))
  # As lists.
  index <- split(seq_len(nrow(d$x)), factor(d$loci$locus, unique(d$loci$locus)))
  lbf <- local({
    m <- sapply(c(1, 4, 16, 25), \(k) -0.5 * log1p(k) + 0.5 * d$loci$z^2 * k / (1 + k))
    setNames(log(rowMeans(exp(m))), rownames(d$loci))
  })
  loci <- lapply(index, \(at) lbf[at])
  annotations <- lapply(index, \(at) d$x[rev(at), 2:1])
  same_list <- enrich(loci, rev(annotations))
  expect_equal(same_list$coef[rownames(fit$coef), ], fit$coef, tolerance = 1e-6)
  expect_equal(same_list$pip, fit$pip, tolerance = 1e-8)
  wrong <- d$x
  rownames(wrong)[8] <- "nobody"
  expect_error(enrich(d$loci, wrong), "rs8", class = "mnmash_error_names")
  names(annotations)[2] <- "nobody"
  expect_error(enrich(loci, annotations), "g2", class = "mnmash_error_names")
})

test_that("logical, factor and text annotations are indicators", {
  d <- many_loci()
  near <- d$x[, "near"]
  fit <- enrich(d$loci, data.frame(near), conf_level = NULL)$coef
  kinds <- list(near == 1, factor(near, labels = c("far", "near")), ifelse(near == 1, "yes", "no"))
  for (kind in kinds) {
    other <- enrich(d$loci, data.frame(near = kind), conf_level = NULL)$coef
    expect_equal(other$estimate, fit$estimate, tolerance = 1e-10)
  }
  expect_identical(rownames(enrich(d$loci, data.frame(near = kinds[[2]]), conf_level = NULL)$coef),
                   c("(Intercept)", "nearnear"))
  levels <- factor(rep_len(c("a", "b", "c"), nrow(d$loci)), levels = c("c", "a", "b"))
  three <- enrich(d$loci, data.frame(kind = levels), conf_level = NULL)
  expect_identical(rownames(three$coef), c("(Intercept)", "kinda", "kindb"))
  expect_error(
    enrich(d$loci, data.frame(a = near, b = 1 - near)), "column 2 \\(b\\) is a combination",
    class = "mnmash_error_value"
  )
  expect_error(enrich(d$loci, d$x, penalti = 1), "did you mean `penalty`",
               class = "mnmash_error_argument")
  expect_error(enrich(d$loci, d$x, L = 2), "`L`", class = "mnmash_error_argument")
})

test_that("several signals: regions and annotations are matched by name", {
  set.seed(3)
  n <- 150
  regions <- list()
  annotations <- list()
  for (l in 1:5) {
    X <- matrix(rbinom(n * 12, 2, 0.35), n, dimnames = list(NULL, paste0("r", l, "v", 1:12)))
    near <- data.frame(near = rep(c(FALSE, TRUE), c(9, 3)), row.names = colnames(X))
    Y <- X[, 11] %o% c(0.5, 0.5) + matrix(rnorm(2 * n), n)
    regions[[paste0("locus_", l)]] <- finemap_data(X, Y)
    annotations[[paste0("locus_", l)]] <- near
  }
  run <- \(annotations) {
    enrich(regions, annotations, "multi", prior = list(U = list(matrix(1, 2, 2)), w = 1),
           V = diag(2), L = 2, penalty = 0.1, max_iter = 4) |> suppressWarnings()
  }
  fit <- run(annotations)
  turned <- lapply(annotations, \(a) a[12:1, , drop = FALSE])
  other <- run(rev(turned))
  expect_equal(other$coef, fit$coef, tolerance = 1e-8)
  expect_equal(other$pip, fit$pip, tolerance = 1e-8)
  expect_identical(names(fit$prior_weights[[2]]), paste0("r2v", 1:12))
  table <- as.data.frame(fit)
  expect_identical(dim(table), c(60L, 4L))
  expect_equal(table$pip[table$predictor == "r3v11"], fit$pip[["locus_3"]][["r3v11"]])
  expect_identical(names(coef(fit)), rownames(fit$coef))
})
