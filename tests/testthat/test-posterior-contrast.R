# Contrasts unit by unit: the conditions that were measured, their coefficients, the mixture.
slow_contrast <- function(data, g, coefficients) {
  components <- slow_components(g$Ulist, g$grid, g$usepointmass)
  loglik <- slow_loglik(data, components)
  out <- matrix(NA_real_, nrow(data$Bhat), 3, dimnames = list(NULL, c("mean", "se", "lfsr")))
  for (j in seq_len(nrow(data$Bhat))) {
    o <- slow_observed(data, j)
    a <- coefficients(j)
    if (is.null(a)) next
    w <- loglik[j, ] + log(g$pi)
    w <- exp(w - slow_log_sum_exp(w))
    a <- a * data$Shat_alpha[j, ]
    part <- vapply(seq_along(w), \(p) {
      U <- components[[p]]
      gain <- U[, o, drop = FALSE] %*% solve((slow_noise(data, j) + U)[o, o, drop = FALSE])
      zero <- sum(a * (U %*% a)) < 1e-12 * sum(abs(a) * sqrt(diag(U)))^2 || !any(U != 0)
      if (zero) return(c(0, 0))
      C <- U - gain %*% U[o, , drop = FALSE]
      c(sum(a * (gain %*% data$Bhat[j, o])), sqrt(max(sum(a * (C %*% a)), 0)))
    }, c(0, 0))
    mean <- sum(w * part[1, ])
    zero <- part[2, ] == 0
    negative <- sum(ifelse(zero, 0, w * pnorm(-part[1, ] / part[2, ])))
    positive <- sum(ifelse(zero, 0, w * pnorm(part[1, ] / part[2, ])))
    se <- sqrt(sum(w * (part[2, ]^2 + (part[1, ] - mean)^2)))
    out[j, ] <- c(mean, se, sum(w[zero]) + min(negative, positive))
  }
  out
}

contrast_case <- function(alpha = 0, missing = 0, R = 5, J = 40) {
  data <- random_data(R, J, missing, alpha, correlated(R), seed = 6)
  conditions <- letters[seq_len(R)]
  for (what in c("Bhat", "Shat", "Shat_alpha")) {
    dimnames(data[[what]]) <- list(paste0("unit", seq_len(J)), conditions)
  }
  U <- small_prior(R)
  set.seed(4)
  pi <- runif(1 + 2 * length(U))
  g <- list(pi = pi / sum(pi), Ulist = U, grid = c(0.5, 2), usepointmass = TRUE)
  m <- structure(list(fitted_g = g, alpha = alpha), class = "mash")
  list(m = m, g = g, data = data)
}

seen_in <- function(data, j) {
  if (is.null(data$missing)) rep(TRUE, ncol(data$Bhat)) else !data$missing[j, ]
}

expect_contrast <- function(found, name, slow, tolerance = 1e-9) {
  for (what in c("mean", "se", "lfsr")) {
    column <- found[[paste0(what, "_contrast_", name)]]
    expect_identical(is.na(column), is.na(slow[, what]))
    expect_lt(max(abs(column - slow[, what]), na.rm = TRUE), tolerance)
  }
}

test_that("deviations and differences are those of the mixture over the conditions measured", {
  for (alpha in 0:1) {
    for (missing in c(0, 0.4)) {
      case <- contrast_case(alpha, missing)
      found <- posterior_contrast(case$m, case$data)
      expect_named(found, c(outer(
        c(paste0(letters[1:5], "_deviation"), paste(
          combn(letters[1:5], 2)[1, ], "vs", combn(letters[1:5], 2)[2, ],
          sep = "_"
        )), c("mean", "se", "p", "lfsr"), \(x, what) paste0(what, "_contrast_", x)
      )))
      deviation <- function(j) {
        seen <- seen_in(case$data, j)
        if (!seen[2] || sum(seen) < 3) return(NULL)
        (1:5 == 2) - (1:5 != 2) * seen / (sum(seen) - 1)
      }
      expect_contrast(found, "b_deviation", slow_contrast(case$data, case$g, deviation))
      pair <- \(j) if (all(seen_in(case$data, j)[c(1, 4)])) c(1, 0, 0, -1, 0)
      expect_contrast(found, "a_vs_d", slow_contrast(case$data, case$g, pair))
    }
  }
})

test_that("a group counts once, with the members that were measured", {
  case <- contrast_case(1, 0.35)
  found <- posterior_contrast(case$m, case$data, groups = list(g = c("b", "d"), c(3, 5)))
  expect_identical(
    sub("mean_contrast_", "", names(found)[1:6]),
    c("a_deviation", "g_deviation", "c+e_deviation", "a_vs_g", "a_vs_c+e", "g_vs_c+e")
  )
  share <- function(j, members) {
    inside <- seen_in(case$data, j) & 1:5 %in% members
    if (any(inside)) inside / sum(inside)
  }
  deviation <- function(j) {
    parts <- list(share(j, 1), share(j, c(2, 4)), share(j, c(3, 5)))
    if (any(vapply(parts, is.null, NA))) return(NULL)
    a <- parts[[2]] - (parts[[1]] + parts[[3]]) / 2
    expect_lt(abs(sum(a)), 1e-15)
    a
  }
  expect_contrast(found, "g_deviation", slow_contrast(case$data, case$g, deviation))
  pair <- function(j) {
    parts <- list(share(j, 1), share(j, c(3, 5)))
    if (!any(vapply(parts, is.null, NA))) parts[[1]] - parts[[2]]
  }
  expect_contrast(found, "a_vs_c+e", slow_contrast(case$data, case$g, pair))
})

test_that("deviations of a unit sum to zero, also with groups and missing values", {
  for (missing in c(0, 0.3)) {
    for (groups in list(NULL, list(three = c("a", "c", "d")))) {
      case <- contrast_case(1, missing, R = 7)
      found <- posterior_contrast(case$m, case$data, groups = groups, type = "deviation")
      sums <- rowSums(found[startsWith(names(found), "mean_")], na.rm = TRUE)
      expect_lt(max(abs(sums)), 1e-10)
      expect_gt(max(abs(found$mean_contrast_b_deviation), na.rm = TRUE), 0.1)
    }
  }
})

test_that("an effect that all conditions share is no contrast: lfsr 1, exactly", {
  z <- mash_set_data(matrix(5, 3, 4) + diag(4)[1:3, ])
  g <- list(pi = c(0.5, 0.5), Ulist = list(all = matrix(1, 4, 4)), grid = 3, usepointmass = TRUE)
  m <- structure(list(fitted_g = g, alpha = 0), class = "mash")
  for (groups in list(NULL, list(3:4))) {
    found <- as.data.frame(posterior_contrast(m, z, groups = groups))
    expect_true(all(found[startsWith(names(found), "lfsr")] == 1))
    expect_true(all(found[startsWith(names(found), "p_")] == 1))
    expect_true(all(found[startsWith(names(found), "mean") | startsWith(names(found), "se")] == 0))
  }
})

test_that("some of the conditions: the others inform, or are left out", {
  case <- contrast_case()
  three <- posterior_contrast(case$m, case$data, conditions = c("a", "c", "e"))
  deviation <- \(j) c(1, 0, -0.5, 0, -0.5)
  expect_contrast(three, "a_deviation", slow_contrast(case$data, case$g, deviation))
  out <- posterior_contrast(case$m, case$data, exclude = c("b", "d"))
  part <- mnmash:::data_columns(case$data, c(1L, 3L, 5L))
  g <- case$g
  g$Ulist <- lapply(g$Ulist, \(U) U[c(1, 3, 5), c(1, 3, 5)])
  expect_contrast(out, "a_deviation", slow_contrast(part, g, \(j) c(1, -0.5, -0.5)))
  expect_gt(max(abs(out$mean_contrast_a_vs_c - three$mean_contrast_a_vs_c)), 1e-3)
})

test_that("chunks and regions have the contrasts of the whole", {
  case <- contrast_case(1, 0.2)
  whole <- posterior_contrast(case$m, case$data)
  expect_equal(posterior_contrast(case$m, case$data, n_chunks = 3), whole, tolerance = 1e-12)
  regions <- list(
    x = mnmash:::data_rows(case$data, 1:9), y = mnmash:::data_rows(case$data, 10:40)
  )
  parts <- posterior_contrast(case$m, regions)
  expect_equal(rbind(as.data.frame(parts$x), as.data.frame(parts$y)), as.data.frame(whole))
})

test_that("summary counts units and features", {
  found <- data.frame(
    p_contrast_a_vs_b = c(1e-6, 0.5, NA, 1e-7), lfsr_contrast_a_vs_b = c(0.01, 0.5, NA, 0.02),
    lfsr_contrast_a_deviation = c(0.3, 0.01, 0.02, NA)
  )
  class(found) <- c("posterior_contrast", "data.frame")
  gene <- c("g", "g", "h", "h")
  counts <- summary(found, gene)
  expect_identical(rownames(counts), c("n_sig_snp", "n_snp", "n_sig_feature", "n_all_feature"))
  expect_equal(counts$a_vs_b, c(2, 3, 2, 2))
  expect_equal(counts$a_deviation, c(2, 3, 2, 2))
  expect_equal(summary(found, gene, threshold = 0.015)$a_vs_b, c(1, 3, 1, 2))
  expect_equal(summary(found, gene, 5e-7, by = "p")$a_vs_b, c(1, 3, 1, 2))
  expect_equal(summary(found)$a_vs_b, c(2, 3, 2, 3))
  expect_error(summary(found, gene[1:3]), "`feature`", class = "mnmash_error_dimension")
})

test_that("the picture has units below the diagonal and features above it", {
  skip_if_not_installed("ggplot2")
  case <- contrast_case()
  found <- posterior_contrast(case$m, case$data)
  gene <- rep(letters[1:10], each = 4)
  counts <- summary(found, gene)
  tiles <- plot(found, feature = gene)$data
  expect_equal(nrow(tiles), 20)
  at <- \(row, column) tiles$share[tiles$row == row & tiles$column == column]
  expect_equal(at("d", "b"), counts["n_sig_snp", "b_vs_d"] / 40)
  expect_equal(at("b", "d"), counts["n_sig_feature", "b_vs_d"] / 10)
  expect_gt(at("b", "d"), 0)
  expect_identical(levels(tiles$row), letters[5:1])
  expect_equal(nrow(plot(found)$data), 10)
  file <- withr::local_tempfile(fileext = ".png")
  plot(found, gene, file = file)
  expect_gt(file.size(file), 1000)
  only <- posterior_contrast(case$m, case$data, type = "deviation")
  expect_error(plot(only), "no differences", class = "mnmash_error_argument")
})

test_that("bad arguments are named", {
  case <- contrast_case()
  contrast <- \(...) posterior_contrast(case$m, case$data, ...)
  expect_error(contrast(groups = list(c("a", "b"), c("b", "c"))), "\"b\" is in two groups")
  expect_error(contrast(groups = list(c("a", "x"))), "`groups\\[\\[1\\]\\]`.*\"x\"")
  expect_error(contrast(groups = list(e = c("a", "b"))), "\"e\" is a condition's name")
  expect_error(contrast(groups = c("a", "b")), "`groups` must be a list")
  expect_error(contrast(groups = list(letters[1:5])), "at least 2")
  expect_error(contrast(conditions = "a"), "at least 2")
  expect_error(contrast(groups = list(1:2), conditions = 2:4), "\"a\" is not")
  expect_error(contrast(type = "all"), "`type`", class = "mnmash_error_argument")
  differences <- mash_update_data(mash_set_data(matrix(1:12 + 0, 2), 1), ref = 1)
  expect_error(posterior_contrast(case$m, differences), "differences from a baseline")
})
