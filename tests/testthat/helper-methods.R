# The methods of the package's classes, an object of each class, and valid calls of the methods that
# take data.

# Of each S3 method that NAMESPACE registers: the generic and the class.
registered_methods <- function() {
  table <- get(".__NAMESPACE__.", asNamespace("mnmash"))$S3methods
  data.frame(generic = table[, 1L], class = table[, 2L], name = table[, 3L])
}

# The generic as a user calls it.
find_generic <- function(name) {
  for (package in c("mnmash", "base", "stats", "utils", "graphics", "generics", "ggplot2")) {
    if (!requireNamespace(package, quietly = TRUE)) next
    if (name %in% getNamespaceExports(package)) return(getExportedValue(package, name))
  }
  stop("no generic ", name)
}

# One object of each class, from the valid calls of the functions that make them.
class_objects <- function(calls) {
  objects <- list(
    list = list(diag(2)), default = structure(list(), class = "unheard_of"),
    # What mvsusieR makes of a prior.
    MashInitializer = structure(
      list(prior_variance = list(xUlist = list(diag(2)), pi = 1)), class = "MashInitializer"
    ),
    # What udr fits.
    ud_fit = structure(
      list(U = list(a = list(s = 1, mat = diag(2))), w = c(a = 1), V = diag(2)), class = "ud_fit"
    )
  )
  keep <- function(x) {
    for (class in setdiff(class(x), names(objects))) objects[[class]] <<- x
  }
  for (name in setdiff(names(calls), c("mnmash_cli", "get_fitted_g"))) {
    f <- getExportedValue("mnmash", name)
    utils::capture.output(
      value <- tryCatch(
        suppressWarnings(suppressMessages(do.call(f, calls[[name]], quote = TRUE))),
        error = \(e) NULL
      )
    )
    if (is.list(value) && is.object(value)) {
      keep(value)
      # Results of methods that are objects too.
      for (method in c("logLik", "tidy", "glance", "summary")) {
        for (class in class(value)) {
          own <- utils::getS3method(method, class, TRUE, asNamespace("mnmash"))
          if (!is.null(own)) keep(tryCatch(own(value), error = \(e) NULL))
        }
      }
    }
  }
  objects
}

# `code` while a function of the package is `change(of what it is)`.
with_replaced <- function(name, change, code) {
  space <- asNamespace("mnmash")
  original <- get(name, space)
  replace <- function(f) {
    unlockBinding(name, space)
    assign(name, f, space)
    lockBinding(name, space)
  }
  on.exit(replace(original))
  replace(change(original))
  code
}

# Valid calls of the methods that take more than their object.
method_calls <- function(calls) {
  fit <- function(name) {
    suppressWarnings(suppressMessages(
      do.call(getExportedValue("mnmash", name), calls[[name]], quote = TRUE)
    ))
  }
  data <- calls$mash[[1L]]
  X <- calls$mr_ash[[1L]]
  age <- calls$fqtl$covariates
  covariates <- calls$univariate_sumstats$Z
  new <- list(newdata = X[1:5, ], covariates = covariates[1:5, ])
  m <- calls$get_pm[[1L]]
  method <- function(generic, ...) list(generic = generic, arguments = list(...))
  list(
    predict.mr_ash = method("predict", object = fit("mr_ash"), newdata = new$newdata,
                            covariates = new$covariates),
    predict.mnm = method("predict", object = fit("mnm"), newdata = new$newdata),
    predict.mr_mash = method("predict", object = fit("mr_mash"), newdata = new$newdata),
    predict.mnmash_varbvs = method("predict", object = fit("varbvs"), newdata = new$newdata,
                            covariates = new$covariates),
    predict.finemap = method("predict", object = fit("finemap"), newdata = new$newdata),
    predict.fqtl = method("predict", object = fit("fqtl"), newdata = new$newdata,
                          covariates = age[1:5, , drop = FALSE]),
    predict.mnmash_ud = method("predict", object = fit("ud_fit"), newdata = data),
    simulate.mash = method("simulate", object = m, nsim = 1, seed = 1, data = data),
    as_prior.mash = method("as_prior", x = m, conditions = c("lung", "liver")),
    as_prior.mnmash_prior = method("as_prior", x = calls$as_mvsusie_prior[[1L]],
                                   conditions = c("lung", "liver")),
    as_prior.list = method("as_prior", x = calls$mash$Ulist),
    print.mash_input = method("print", x = fit("read_mash_input"))
  )
}

# Functions and methods whose dots are the user's own, with the reason.
open_dots <- c(
  each_region = "arguments of the caller's function", lfsr.default = "says that there is no method",
  pip.default = "says that there is no method",
  credible_sets.default = "says that there is no method",
  as_prior.default = "says that there is no method",
  learnt_matrices.mash = "is called by mash() alone",
  learnt_lfsr_map.mash = "is called by mash() alone",
  learnt_held_out.mash = "is called by mash() alone"
)
