# What the model of mash data is for: effects, or effects over a power of their standard errors.

# "effect" for alpha = 0, "z" for alpha = 1; NULL between them.
alpha_units <- function(alpha) {
  if (is.null(alpha) || !alpha %in% 0:1) NULL else c("effect", "z")[alpha + 1L]
}

units_alpha <- function(units) if (!is.null(units)) match(units, c("effect", "z")) - 1

# The same in the words of the workflows.
effect_model <- function(alpha) {
  if (is.null(alpha) || !alpha %in% 0:1) NULL else c("EE", "EZ")[alpha + 1L]
}

# Z-scores without standard errors are z-scores for any alpha. Data that were made elsewhere do not
# say so: with alpha = 0 they may be either, and NULL is the answer.
data_units <- function(data) data[["units"]] %||% known_units(data$alpha)

known_units <- function(alpha) if (isTRUE(alpha == 1)) "z"
