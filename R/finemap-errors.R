# What credible sets say of the conditions, and how often that is wrong.

# The sets with `lfsr`, `signal_lfsr`, `given_lfsr` and `sign`: R numbers each.
with_errors <- function(sets, fit) {
  if (!length(sets)) return(sets)
  conditions <- colnames(fit$lfsr)
  live <- live_effects(fit)
  found <- call_core(
    "set_errors",
    effects = lapply(live, \(l) c(
      fit$effects[[l]][c("variable", "not_positive", "not_negative")],
      list(alpha = unname(fit$alpha[l, fit$effects[[l]]$variable]), near = seen_near(fit, l))
    )),
    sets = lapply(names(sets), \(l) list(
      effect = match(l, live), variables = unname(sets[[l]]$variables),
      with_lead = unname(fit$lead_ld[, l])
    )),
    evidence = effect_evidence(fit), prior = effect_prior(fit$prior),
    control = list(variables = fit$data$p, conditions = fit$data$R),
    n_threads = resolve_threads()
  )
  named <- \(x) stats::setNames(x, conditions)
  Map(\(set, e) c(set, list(
    lfsr = named(pmax(e$set, 1e-20)), signal_lfsr = named(pmax(e$signal, 1e-20)),
    given_lfsr = named(pmax(e$given, 1e-20)), sign = named(e$sign)
  )), sets, found)
}

live_effects <- function(fit) names(fit$scale)[fit$scale > 1e-9]

effect_evidence <- function(fit) {
  list(log_bayes = unname(fit$lbf), live = unname(fit$scale > 1e-9))
}

# The probability that each effect is there.
effect_probability <- function(fit) {
  absent <- call_core("effect_absence", evidence = effect_evidence(fit))
  stats::setNames(1 - absent, names(fit$scale))
}

# What the most probable variables of an effect say of it: all, or those with these places among
# them.
seen_near <- function(fit, l, rows = NULL) {
  near <- fit$near[[l]]
  at <- match(near$variable, fit$effects[[l]]$variable)
  weights <- unname(fit$effects[[l]]$weights[at, , drop = FALSE])
  if (is.null(rows)) return(c(near[c("variable", "x", "s", "V", "scale")], list(weights = weights)))
  V <- if (length(dim(near$V)) == 3L) near$V[, , rows, drop = FALSE] else near$V
  list(
    variable = seq_along(rows), x = near$x[rows, , drop = FALSE],
    s = near$s[rows, , drop = FALSE], V = V, scale = near$scale,
    weights = weights[rows, , drop = FALSE]
  )
}
