# Mixture proportions by penalised maximum likelihood, from any matrix of log-likelihoods.

#' Maximum-likelihood mixture proportions
#'
#' Finds the proportions `pi` of a mixture with known components that maximise
#' `sum_j w_j log sum_p pi_p exp(loglik[j, p]) + sum_p (a_p - 1) log pi_p`, where `a` are Dirichlet
#' parameters (`prior`) and `w` are `row_weights`. The problem is convex; the answer comes with a
#' certificate.
#'
#' With `N = sum(w) + sum(a - 1)` and `u_j` the fitted likelihood of row j, let
#' `g_p = (sum_j w_j exp(loglik[j, p]) / u_j + (a_p - 1) / pi_p) / N`. Proportions are optimal
#' when no `g_p` exceeds 1, and no proportions whatever have an objective higher by more than
#' `N log(max_p g_p)`. The reported `kkt` is `max_p g_p - 1` over all columns, zero proportions
#' included. Method `"convex"` goes on until `kkt <= tol` and a further Newton step is predicted to
#' gain less than 1e-9 in total, and then takes that step: `kkt` usually ends below 1e-13, which is
#' about what rounding allows.
#'
#' `"convex"` is a Newton method on an active set of columns, with the worst violators entering
#' after each pass over the matrix; large problems start from samples of the rows. It takes some 5
#' to 15 passes of J P operations, whatever the collinearity of the columns, and J m^2 operations
#' more for the m columns that matter (all columns that have a parameter above 1 do). `"em"` is
#' plain expectation maximisation: simple, monotone and slow; it usually stops at `max_iter` and
#' then says that it has not converged. Neither depends on the number of threads, to the last bit.
#'
#' @param loglik J x P matrix (or data frame) of log-likelihoods of J rows under P components,
#'   natural logarithms; each row may have its own additive constant. `-Inf` is allowed, but not in
#'   a whole row. It is not modified; one copy is made.
#' @param prior `"nullbiased"` (Dirichlet parameter `nullweight` for the first column, 1 for the
#'   others), `"uniform"` (1 everywhere: no penalty), or P numbers of at least 1. A column with a
#'   parameter above 1 always keeps a positive proportion.
#' @param start P non-negative numbers to start from, scaled to sum 1; zeros are allowed. A good
#'   start, such as an earlier fit, saves time. Default: chosen from the data.
#' @param row_weights J non-negative numbers, not all zero; default 1. A row of weight 2 counts as
#'   two equal rows.
#' @param tol largest KKT residual (relative to the number of rows) of a converged fit.
#' @param max_iter most iterations; 0 evaluates `start` (a row it all but excludes first gets a
#'   share, so that every row is reachable). Default 200, or 10000 for `"em"`.
#' @param method `"convex"` or `"em"`, see below.
#' @param nullweight Dirichlet parameter of the first column under `"nullbiased"`.
#' @inheritParams shared_arguments
#'
#' @return A list of
#' - `pi`: P proportions with sum 1, exactly 0 off their support (`"convex"`); named by the columns;
#' - `objective`: the penalised log-likelihood above;
#' - `kkt`: the largest violation of the optimality conditions, over all columns;
#' - `gap`: `N log(1 + kkt)`: no proportions have an objective higher by more than this;
#' - `iterations`, `converged`, and `message`, which says why it stopped;
#' - `trace`: the objective before each iteration and at the end; it never falls, up to rounding;
#' - `convergence`: the same as every fit has it: `converged`, `stop` (in one word), `iterations`,
#'   `trace`, `message`.
#'
#' Errors have the classes `mnmash_error_value` (an unusable value, named by row and column),
#' `mnmash_error_dimension`, `mnmash_error_argument` and `mnmash_error_type`.
#' @references
#' Kim, Carbonetto, Stephens and Anitescu (2020), Journal of Computational and Graphical Statistics
#' 29, 261-273 (the problem, and sequential quadratic programming for it).
#'
#' Lindsay (1983), Annals of Statistics 11, 86-94 (the gradient function as certificate).
#' @seealso [mash()]
#' @export
#' @examples
#' x <- c(rnorm(200), rnorm(50, sd = 4))
#' sd <- c(1, 1.5, 2, 3, 4, 6, 8)
#' loglik <- outer(x, sd, \(x, sd) dnorm(x, sd = sd, log = TRUE))
#' colnames(loglik) <- paste0("sd", sd)
#' fit <- mixture_weights(loglik, "uniform")
#' round(fit$pi, 3)
#' fit$kkt
mixture_weights <- function(loglik, prior = c("nullbiased", "uniform"), start = NULL,
                            row_weights = NULL, tol = 1e-8, max_iter = NULL,
                            method = c("convex", "em"), nullweight = 10, n_threads = NULL, ...) {
  take_dots(...)
  loglik <- as_numeric_matrix(loglik)
  prior <- dirichlet_parameters(prior, ncol(loglik), nullweight, colnames(loglik))
  start <- check_proportions(
    align_each(start, colnames(loglik), ncol(loglik), "start", "component", "`loglik`"),
    ncol(loglik), "start", "column of `loglik`"
  )
  row_weights <- check_proportions(
    align_each(row_weights, rownames(loglik), nrow(loglik), "row_weights", "unit", "`loglik`"),
    nrow(loglik), "row_weights", "row of `loglik`"
  )
  method <- match_choice(method, c("convex", "em"))
  tol <- check_number(tol, 0)
  if (is.null(max_iter)) max_iter <- if (method == "em") 10000 else 200
  max_iter <- check_count(max_iter, 0)
  control <- list(
    penalty = prior, start = start, row_weights = row_weights, tol = tol, max_iter = max_iter,
    method = method
  )
  found <- call_core(
    "mixture_weights", loglik = loglik, control = control,
    label = if (method == "em") "Mixture weights", total = max_iter,
    n_threads = resolve_threads(n_threads)
  )
  names(found$pi) <- colnames(loglik)
  ended <- found$ended[c("iterations", "converged", "message", "trace")]
  c(found[c("pi", "objective", "kkt", "gap")], ended, list(convergence = ending(found)))
}

# NULL, or non-negative finite numbers with a positive sum, one for each `what`.
check_proportions <- function(x, n, name, what) {
  if (is.null(x)) return(NULL)
  if (!is.numeric(x) || length(x) != n) {
    stop_mnmash(
      "argument", as_typed(name), " must have ", n, " numbers, one for each ", what,
      if (is.numeric(x)) paste0("; it has ", length(x))
    )
  }
  bad <- which(!is.finite(x) | x < 0)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed(name), " must be finite and not negative: element ", bad[1L], " is ",
      x[bad[1L]], and_more(length(bad))
    )
  }
  if (sum(x) <= 0) stop_mnmash("value", as_typed(name), " is zero everywhere")
  as.double(x)
}
