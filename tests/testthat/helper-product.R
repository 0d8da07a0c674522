# Priors with a component of independent effects, and what they say by going through all
# combinations of its parts: slow, and exact whatever the residual correlation.

product_g <- function(R = 3, weight = 0.4) {
  names <- letters[seq_len(R)]
  u <- seq_len(R) / R
  U <- list(shared = matrix(1, R, R), own = tcrossprod(u) + diag(0.3, R))
  U <- lapply(U, `dimnames<-`, list(names, names))
  pi <- sapply(seq_len(R), \(r) c(5 - r / 2, 1, r))
  pi <- pi / rep(colSums(pi), each = 3)
  colnames(pi) <- names
  list(
    pi = (1 - weight) * c(0.5, 0.1, 0.1, 0.2, 0.1), Ulist = U, grid = c(1, 3),
    usepointmass = TRUE,
    product = list(weight = weight, grid = c(0, 0.7, 3), pi = pi), units = "effect", alpha = 0
  )
}

# The posterior of one unit as a mixture of normals: list(loglik, w, mean = T x R, cov = a list,
# product = which of them belong to the product).
unit_terms <- function(g, x, noise) {
  R <- length(x)
  of_normals <- c(
    if (g$usepointmass) list(matrix(0, R, R)),
    unlist(lapply(g$grid, \(s) lapply(g$Ulist, \(U) unname(U) * s^2)), recursive = FALSE)
  )
  at <- as.matrix(expand.grid(rep(list(seq_along(g$product$grid)), R)))
  of_product <- lapply(seq_len(nrow(at)), \(k) diag(g$product$grid[at[k, ]]^2, R))
  weights <- apply(at, 1, \(k) prod(g$product$pi[cbind(k, seq_len(R))]))
  prior <- c(of_normals, of_product)
  w <- c(g$pi, g$product$weight * weights)
  seen <- which(!is.na(x))
  terms <- lapply(prior, \(U) {
    S <- U[seen, seen, drop = FALSE] + noise[seen, seen, drop = FALSE]
    gain <- U[, seen, drop = FALSE] %*% solve(S)
    list(
      log = -0.5 * (length(seen) * log(2 * pi) + log(det(S)) + sum(x[seen] * solve(S, x[seen]))),
      mean = drop(gain %*% x[seen]), cov = U - gain %*% U[seen, , drop = FALSE]
    )
  })
  log <- log(w) + vapply(terms, `[[`, 0, "log")
  top <- max(log)
  loglik <- top + log(sum(exp(log - top)))
  list(
    loglik = loglik, w = exp(log - loglik), mean = t(vapply(terms, `[[`, x, "mean")),
    cov = lapply(terms, `[[`, "cov"), product = seq_along(w) > length(of_normals)
  )
}

# Posteriors of A b (Q x R) for each unit, in the layout of mash; covariances Q x Q x J.
by_terms <- function(g, data, A = diag(ncol(data$Bhat)), scale = 1 + 0 * data$Bhat) {
  J <- nrow(data$Bhat)
  x <- replace(data$Bhat, if (is.null(data$missing)) FALSE else data$missing, NA)
  rows <- lapply(seq_len(J), \(j) {
    s <- data$Shat[j, ]
    V <- if (length(dim(data$V)) == 3L) data$V[, , j] else data$V
    terms <- unit_terms(g, unname(x[j, ]), unname(V * tcrossprod(s)))
    A <- A %*% diag(scale[j, ], ncol(A))
    mean <- terms$mean %*% t(A)
    cov <- lapply(terms$cov, \(C) A %*% C %*% t(A))
    size <- vapply(terms$cov, \(C) max(diag(C), 0), 0)
    variance <- t(vapply(cov, diag, numeric(nrow(A))))
    variance <- matrix(variance, ncol = nrow(A))
    # What a component does not touch is exactly zero.
    variance[variance < 1e-12 * (1 + size)] <- 0
    w <- terms$w
    below <- ifelse(variance > 0, pnorm(0, mean, sqrt(variance)), 0)
    above <- ifelse(variance > 0, pnorm(0, mean, sqrt(variance), lower.tail = FALSE), 0)
    middle <- colSums(w * mean)
    second <- Reduce(`+`, Map(\(w, C, k) w * (C + tcrossprod(mean[k, ])), w, cov, seq_along(w)))
    list(
      mean = middle, cov = second - tcrossprod(middle), zero = colSums(w * (variance == 0)),
      negative = colSums(w * below), positive = colSums(w * above), loglik = terms$loglik,
      share = sum(w[terms$product])
    )
  })
  table <- \(what) matrix(t(vapply(rows, `[[`, rows[[1]][[what]], what)), J)
  cov <- vapply(rows, `[[`, rows[[1]]$cov, "cov")
  dim(cov) <- c(nrow(A), nrow(A), J)
  list(
    mean = table("mean"), cov = cov, lfdr = table("zero"), negative = table("negative"),
    positive = table("positive"), loglik = drop(table("loglik")), share = drop(table("share"))
  )
}

# The same data without some cells.
without_cells <- function(data, cells) {
  mash_set_data(replace(data$Bhat, cells, NA), replace(data$Shat, cells, NA))
}

# Data with some strong cells.
product_data <- function(J = 12, R = 3, seed = 1, ...) {
  set.seed(seed)
  names <- list(paste0("u", seq_len(J)), letters[seq_len(R)])
  S <- matrix(runif(J * R, 0.5, 1.5), J, dimnames = names)
  B <- matrix(rbinom(J * R, 1, 0.4) * rnorm(J * R, sd = 3), J)
  mash_set_data(B + S * matrix(rnorm(J * R), J), S, ...)
}
