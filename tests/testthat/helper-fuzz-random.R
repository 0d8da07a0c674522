# Random bad calls: valid ones (helper-fuzz-calls.R, and methods of their results) whose arguments
# are spoilt at random places, as deep as their lists go. A call is given by a seed and its number.

# What may be called: of each exported function and method its function, a valid list of arguments,
# and the names that a message about them may say.
fuzz_targets <- function(calls = fuzz_calls()) {
  target <- \(f, given, formals, class = NULL) {
    list(f = f, given = given, formals = setdiff(formals, "..."), class = class)
  }
  out <- lapply(stats::setNames(nm = names(calls)), \(name) {
    f <- getExportedValue("mnmash", name)
    target(f, fuzz_arguments(name, calls[[name]]), names(formals(args(f))))
  })
  methods <- registered_methods()
  objects <- class_objects(calls)
  special <- method_calls(calls)
  for (i in seq_len(nrow(methods))) {
    name <- methods$name[i]
    object <- objects[[methods$class[i]]]
    # Methods for all else, of operators, and of generics whose package is not here.
    if (methods$class[i] == "default") next
    if (methods$generic[i] %in% c("[", "$", "learnt_matrices", "learnt_lfsr_map", "learnt_held_out")) next
    formals <- names(formals(get(name, asNamespace("mnmash"))))
    given <- special[[name]]$arguments
    if (is.null(given)) given <- stats::setNames(list(object), formals[1L])
    out[[name]] <- target(find_generic(methods$generic[i]), given, formals, methods$class[i])
  }
  out
}

# The call of this number: list(name, f, formals, arguments, how), the last in words.
fuzz_random_call <- function(targets, seed, number) {
  set.seed((seed %% 20011) * 100003 + number, "Mersenne-Twister", "Inversion", "Rejection")
  name <- names(targets)[(number - 1) %% length(targets) + 1]
  target <- targets[[name]]
  # What is no object of its class any more would call another method.
  for (attempt in 1:50) {
    spoilt <- spoilt_arguments(target)
    object <- if (length(spoilt$value)) spoilt$value[[1L]]
    if (is.null(target$class) || inherits(object, target$class)) break
  }
  c(target[c("f", "formals")],
    list(name = name, arguments = spoilt$value, how = paste(spoilt$how, collapse = "; ")))
}

spoilt_arguments <- function(target) {
  spoilt <- list(value = target$given, how = character())
  # A function of one argument, without dots, says itself that there is no other.
  whole <- if (length(target$given) > 1L) 0.1 else 0
  for (times in seq_len(sample(3L, 1L, prob = c(0.6, 0.25, 0.15)))) {
    of_call <- if (stats::runif(1) < whole) spoil_call(spoilt$value)
    if (is.null(of_call)) {
      at <- sample.int(length(spoilt$value), 1L)
      of_call <- spoil_part(spoilt$value, at)
    }
    spoilt <- list(value = of_call$value, how = c(spoilt$how, of_call$how))
    if (!length(spoilt$value)) break
  }
  spoilt
}

# What may be wrong with a call as a whole; NULL where this one cannot have it.
spoil_call <- function(given) {
  n <- length(given)
  at <- sample.int(n, 1L)
  word <- names(given)[at]
  renamed <- \(to) {
    names(given)[at] <- to
    list(value = given, how = paste0("`", word, "` called `", to, "`"))
  }
  switch(
    sample(c("swapped", "left out", "misspelt", "more", "unnamed"), 1L),
    swapped = if (n > 1L) {
      two <- sample.int(n, 2L)
      value <- given
      value[two] <- given[rev(two)]
      list(value = value, how = paste(names(given)[two], collapse = " and ") |> paste("swapped"))
    },
    `left out` = list(value = given[-at], how = paste0("`", word, "` left out")),
    misspelt = renamed(sub("(.)$", "\\1\\1", word)),
    more = list(value = c(given, list(no_such_argument = 1)), how = "no_such_argument = 1"),
    unnamed = renamed("")
  )
}

# `x` with its element `at` spoilt, in it or as a whole; attributes stay.
spoil_part <- function(x, at, depth = 0) {
  label <- names(x)[at]
  if (is.null(label) || is.na(label) || !nzchar(label)) label <- paste0("[[", at, "]]")
  inner <- spoil(.subset2(x, at), depth)
  kept <- attributes(x)
  x <- unclass(x)
  x[at] <- list(inner$value)
  attributes(x) <- kept
  list(value = x, how = paste0(label, if (!startsWith(inner$how, " ")) "$", inner$how))
}

# A value that is not what it was, and how in words; words for the value itself begin with a blank.
spoil <- function(x, depth = 0) {
  if (stats::runif(1) < 0.2) return(pick_of(fuzz_anything(), " is "))
  # What is spoilt already may be too odd to be spoilt in its own way.
  tryCatch(suppressWarnings(spoil_kind(x, depth)), error = \(e) pick_of(fuzz_anything(), " is "))
}

spoil_kind <- function(x, depth) {
  if (is.list(x) && length(x)) {
    if (depth < 5 && stats::runif(1) < 0.65) {
      return(spoil_part(x, sample.int(length(x), 1L), depth + 1))
    }
    return(pick_of(spoilt_lists(x), " "))
  }
  found <- if (is.function(x)) {
    spoilt_functions(x)
  } else if (is.array(x) && is.numeric(x)) {
    c(if (is.matrix(x) && length(x)) fuzz_matrices(x), spoilt_names(x), spoilt_numbers(x))
  } else if (is.numeric(x) && length(x)) {
    c(fuzz_vectors(x), spoilt_numbers(x))
  } else if (is.atomic(x) && length(x)) {
    spoilt_words(x)
  } else {
    fuzz_anything()
  }
  pick_of(found, " ")
}

pick_of <- function(values, before) {
  at <- sample.int(length(values), 1L)
  list(value = values[[at]], how = paste0(before, names(values)[at]))
}

# Numbers of any size at random places, and all of them on another scale.
spoilt_numbers <- function(x) {
  at <- sample.int(length(x), 1L)
  set <- \(value) replace(x, at, value)
  scale <- 10^stats::runif(1, -300, 300)
  list(
    cell_random = set(sample(c(-1, 1), 1L) * scale), all_random = x * scale,
    cell_na = set(NA), cell_nan = set(NaN), cell_inf = set(Inf), cell_negative = set(-1),
    cell_zero = set(0), cell_integer_max = set(.Machine$integer.max),
    integers = replace(x, TRUE, as.integer(max(min(x[1L], 1e9, na.rm = TRUE), -1e9))),
    repeated = x[rep_len(seq_along(x), 2L * length(x))], shuffled = replace(x, TRUE, sample(x)),
    complex_numbers = replace(x, TRUE, x) + 0i, single = x[1L], list_of_it = list(x),
    frame_of_it = as.data.frame(x), text = replace(x, TRUE, as.character(x)),
    classed = structure(x, class = "units"), date = structure(x, class = "Date"),
    factor = factor(x), far = set(1e300), near = set(1e-300)
  )
}

spoilt_names <- function(x) {
  if (!is.matrix(x) || is.null(dimnames(x))) return(list(gap = replace(x, 1L, NA)))
  side <- sample.int(2L, 1L)
  if (is.null(dimnames(x)[[side]])) side <- 3L - side
  named <- \(names) {
    dimnames(x)[[side]] <- names
    x
  }
  old <- dimnames(x)[[side]]
  if (!length(old)) return(list(gap = unname(x)))
  list(
    names_turned = named(rev(old)), names_shuffled = named(sample(old)),
    names_na = named(replace(old, 1L, NA)), names_empty = named(rep("", length(old))),
    names_twice = named(replace(old, length(old), old[1L])), names_other = named(paste0(old, "x")),
    names_of_one_side = named(NULL), names_part = named(replace(old, 1L, "zz"))
  )
}

spoilt_words <- function(x) {
  list(
    one_na = replace(x, 1L, NA), none = x[0L], twice = c(x, x), list = as.list(x),
    factor = factor(x), number = seq_along(x), turned = rev(x), shouted = toupper(x),
    part = substr(x, 1L, 1L), named = stats::setNames(x, rep("same", length(x))),
    matrix = matrix(x), other = paste0(x, "x"), not = if (is.logical(x)) !x else "",
    long = strrep("long", 200L), bytes = "\xff\xfe"
  )
}

spoilt_functions <- function(f) {
  value <- fuzz_anything()[[sample.int(length(fuzz_anything()), 1L)]]
  list(
    returns_anything = function(...) value, returns_one = function(...) 1,
    identity = function(x, ...) x, raises = function(...) stop("from the caller's function"),
    returns_twice = function(...) {
      tryCatch(list(f(...), f(...)), error = \(e) stop("from the caller's function"))
    }
  )
}

# A list, or an object that is one, with parts that are missing, of another type, name or class.
spoilt_lists <- function(x) {
  at <- sample.int(length(x), 1L)
  kept <- attributes(x)
  as_before <- \(value, labels = names(x)) {
    kept$names <- labels
    attributes(value) <- kept
    value
  }
  plain <- unclass(x)
  put <- \(value) as_before(replace(plain, at, list(value)))
  other <- c("mash", "mnmash_prior", "finemap", "mnmash_ud", "data.frame", "mr_ash", "no_class")
  attribute <- setdiff(names(kept), c("names", "row.names"))
  list(
    without = as_before(plain[-at], names(x)[-at]), null = put(NULL), text = put("wrong"),
    empty = put(list()), number = put(1), none = put(numeric()), flag = put(NA),
    matrix = put(matrix(0, 1L, 1L)),
    frame = put(data.frame(a = 1)),
    no_parts = as_before(list(), if (!is.null(names(x))) character()),
    bare = plain, no_names = as_before(plain, NULL), turned = as_before(rev(plain), rev(names(x))),
    names_shuffled = if (is.null(names(x))) rev(x) else as_before(plain, sample(names(x))),
    names_same = if (is.data.frame(x)) plain else as_before(plain, rep("same", length(x))),
    longer = c(plain, plain[at]), class_other = structure(plain, class = sample(other, 1L)),
    class_more = structure(x, class = c(sample(setdiff(other, "data.frame"), 1L), class(x))),
    without_attribute = if (length(attribute)) `attr<-`(x, sample(attribute, 1L), NULL) else plain,
    first_only = plain[1L], tibble = structure(plain, class = c("tbl_df", "tbl", "data.frame"),
                                               row.names = seq_along(plain[[1L]])),
    environment = list2env(stats::setNames(plain, make.names(seq_along(plain))))
  )
}

# What came of a random call (see fuzz_outcome()), where R's random numbers must stay.
fuzz_random_outcome <- function(call, seconds = 10) {
  fuzz_outcome(call$name, call$arguments, seconds, call$f, call$formals)
}
