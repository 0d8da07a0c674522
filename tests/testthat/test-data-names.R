# What comes with the effects is matched to them by name; what does not go with them is listed.

J <- 12
cn <- c("liver", "lung", "skin")
units <- paste0("gene", seq_len(J))

effects <- function() {
  withr::local_seed(5)
  names <- list(units, cn)
  list(
    B = matrix(rnorm(3 * J), J, dimnames = names),
    S = matrix(runif(3 * J, 0.5, 2), J, dimnames = names),
    V = matrix(c(1, 0.5, 0.2, 0.5, 1, 0.1, 0.2, 0.1, 1), 3, dimnames = list(cn, cn)),
    df = matrix(runif(3 * J, 3, 30), J, dimnames = names)
  )
}

test_that("each part in another order of units and conditions gives the same data", {
  d <- effects()
  p <- 2 * pnorm(-abs(d$B / d$S))
  rows <- sample(J)
  all <- array(d$V, c(3, 3, J), list(cn, cn, units)) * rep(1, 9)
  all[1, 2, ] <- all[2, 1, ] <- seq(0.1, 0.6, length.out = J)
  for (given in list(
    list(Shat = d$S), list(Shat = d$S, df = d$df), list(pval = p),
    list(Shat = d$S, V = d$V), list(Shat = d$S, V = all),
    list(Shat = d$S[, 1] |> setNames(units)),
    list(Shat = d$S, df = setNames(d$df[, 1], units))
  )) {
    straight <- do.call(mash_set_data, c(list(d$B), given))
    turned <- lapply(given, \(x) {
      if (is.null(dim(x))) return(x[rows])
      if (length(dim(x)) == 3L) return(x[3:1, 3:1, rows])
      if (nrow(x) == 3) x[3:1, 3:1] else x[rows, 3:1]
    })
    expect_identical(do.call(mash_set_data, c(list(d$B), turned)), straight)
    for (name in names(given)) {
      wrong <- given
      if (is.null(dim(wrong[[name]]))) {
        names(wrong[[name]])[1] <- "gene99"
      } else {
        dimnames(wrong[[name]])[1:2] <- lapply(dimnames(wrong[[name]])[1:2], \(x) {
          replace(x, 1, if (x[1] == "liver") "bone" else "gene99")
        })
      }
      expect_error(do.call(mash_set_data, c(list(d$B), wrong)), "gene1 *|gene99|bone|liver",
        class = "mnmash_error_names")
    }
  }
})

test_that("799 of 800 names in common, all shifted by one, are no match", {
  B <- matrix(0.5, 800, 2, dimnames = list(paste0("g", 1:800), NULL))
  S <- B
  rownames(S) <- paste0("g", 2:801)
  expect_error(mash_set_data(B, S), "lacks 1 of 800 units (g1), and it has 1", fixed = TRUE,
    class = "mnmash_error_names")
})

test_that("a residual correlation of more conditions is reduced, in any order", {
  d <- effects()
  straight <- mash_set_data(d$B[, 2:1], d$S[, 2:1], V = d$V[2:1, 2:1])
  expect_message(
    reduced <- mash_set_data(d$B[, 2:1], d$S[, 2:1], V = d$V), "2 of its 3 conditions are used"
  )
  expect_identical(reduced, straight)
  data <- mash_set_data(d$B[, 2:1], d$S[, 2:1])
  expect_identical(suppressMessages(mash_update_data(data, V = d$V)), straight)
  contrasts <- mash_update_data(mash_set_data(d$B, d$S), ref = "lung")
  expect_identical(
    mash_update_data(contrasts, V = d$V[3:1, 3:1]), mash_update_data(contrasts, V = d$V)
  )
  other <- d$V
  dimnames(other) <- rep(list(c("lung", "skin", "X")), 2)
  expect_error(mash_set_data(d$B, V = other), "`V` does not go with the data: it lacks 1 of 3",
    class = "mnmash_error_names")
})

test_that("names that only the standard errors have are those of the data", {
  d <- effects()
  expect_identical(dimnames(mash_set_data(unname(d$B), d$S)$Bhat), list(units, cn))
  frame <- as.data.frame(unname(d$S))
  names(frame) <- cn
  expect_identical(dimnames(mash_set_data(unname(d$B), frame)$Bhat), list(NULL, cn))
})

test_that("one standard error, or one number of degrees of freedom, for each unit will do", {
  d <- effects()
  s <- d$S[, 1]
  full <- matrix(s, J, 3, dimnames = dimnames(d$B))
  expect_identical(mash_set_data(d$B, unname(s)), mash_set_data(d$B, full))
  expect_identical(
    suppressMessages(mash_set_data(d$B, d$S, df = 5 + seq_len(J))),
    suppressMessages(mash_set_data(d$B, d$S, df = matrix(5 + seq_len(J), J, 3)))
  )
  expect_error(mash_set_data(d$B, unname(s)[-1]), "`Shat` must have the dimensions of `Bhat`",
    class = "mnmash_error_dimension")
})

test_that("matrices of the package Matrix are matrices", {
  skip_if_not_installed("Matrix")
  d <- effects()
  V <- Matrix::nearPD(d$V, corr = TRUE)$mat
  straight <- mash_set_data(d$B, d$S, V = as.matrix(V))
  expect_equal(mash_set_data(Matrix::Matrix(d$B), Matrix::Matrix(d$S), V = V), straight)
  sparse <- Matrix::Matrix(diag(c(1, 0, 2)), sparse = TRUE)
  expect_equal(
    mash(straight, list(a = sparse), verbose = FALSE),
    mash(straight, list(a = as.matrix(sparse)), verbose = FALSE)
  )
})

test_that("whole numbers are the same ids whatever they were stored as", {
  d <- effects()
  ids <- c(100000L, 200000L, seq_len(J - 2))
  rownames(d$B) <- ids # integers
  rownames(d$S) <- as.double(ids) # as text: 1e+05
  expect_identical(rownames(d$S)[1], "1e+05")
  expect_identical(unname(mash_set_data(d$B, d$S)$Shat), unname(d$S))
})

test_that("a correlation that is singular is told by its pair", {
  d <- effects()
  d$V[1, 3] <- d$V[3, 1] <- 1
  d$V[1, 2] <- d$V[2, 1] <- d$V[3, 2] <- d$V[2, 3] <- 0.2
  expect_error(mash_set_data(d$B, V = d$V), "condition 1 (liver) and condition 3 (skin) have",
    fixed = TRUE, class = "mnmash_error_not_psd")
  check <- mnmash:::check_covariance
  expect_identical(check(d$V, 3L, definite = FALSE), d$V)
  LD <- matrix(1, 3, 3)
  LD[1, 2] <- LD[2, 1] <- -1
  expect_error(check(LD, 3L, definite = FALSE), "`LD` must be positive semi-definite",
    fixed = TRUE, class = "mnmash_error_not_psd")
})

test_that("linear functions of the effects are matched to the conditions", {
  d <- effects()
  data <- mash_set_data(d$B, d$S)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  A <- rbind(difference = c(liver = 1, lung = -1, skin = 0.5))
  straight <- mash_compute_posterior_matrices(m, data, A = A)
  expect_equal(mash_compute_posterior_matrices(m, data, A = A[, 3:1, drop = FALSE]), straight)
  expect_equal(get_pm(mash(data, g = m, fixg = TRUE, A = A[, 3:1, drop = FALSE], verbose = FALSE)),
               straight$PosteriorMean)
  more <- cbind(A, bone = 0)
  expect_message(wide <- mash_compute_posterior_matrices(m, data, A = more), "3 of its 4")
  expect_equal(wide, straight)
  more[, "bone"] <- 1
  expect_error(mash_compute_posterior_matrices(m, data, A = more), "bone",
    class = "mnmash_error_names")
  colnames(A)[1] <- "bone"
  expect_error(mash_compute_posterior_matrices(m, data, A = A), class = "mnmash_error_names")
})

test_that("an error about contrasts names the unit", {
  d <- effects()
  d$B[4, 2] <- NA
  d$S[4, 2] <- NA
  expect_error(mash_update_data(mash_set_data(d$B, d$S), ref = "lung"), "row 4 (gene4)",
    fixed = TRUE, class = "mnmash_error_missing")
})
