# mash on the two data sets of the package.   Rscript demo.R [FOLDER]
# Says what it finds, and writes tables (csv) and pictures (png) to FOLDER (default: demo-output).
library(mnmash)

arguments <- commandArgs(trailingOnly = TRUE)
folder <- if (length(arguments)) arguments[1L] else "demo-output"
dir.create(folder, recursive = TRUE, showWarnings = FALSE)
started <- proc.time()[["elapsed"]]

say <- function(...) cat(strwrap(paste0(...), width = 80, prefix = "  "), sep = "\n")
title <- function(...) cat("\n", ..., "\n\n", sep = "")
percent <- function(x) paste0(round(100 * x), "%")
words <- function(names) gsub("_", " ", names)

write_table <- function(x, name) {
  utils::write.csv(x, file.path(folder, paste0(name, ".csv")), row.names = FALSE)
}
weights_table <- function(fit) {
  pi <- sort(get_estimated_pi(fit), decreasing = TRUE)
  data.frame(covariance = names(pi), weight = unname(pi))
}
save_picture <- function(fit, type, name, width, height) {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    return(message("No pictures: the package ggplot2 is not installed"))
  }
  file <- file.path(folder, paste0(name, ".png"))
  picture <- plot(fit, type = type)
  ggplot2::ggsave(file, picture, width = width, height = height, dpi = 150, bg = "white")
}

# ---- Top eQTL in 44 tissues ----------------------------------------------------------------------
title("Gene expression: 1000 top eQTL in 44 tissues (gtex_z)")

# These variants were chosen for their effect, so none is left to estimate the correlation of the
# errors from: it is taken as zero, as in the paper's analysis of z-scores from separate fits. The
# covariances of the prior are learnt from the data.
data <- mash_set_data(gtex_z)
fit <- mash(data, verbose = FALSE)

lfsr <- get_lfsr(fit)
weights <- weights_table(fit)
specific <- weights$covariance %in% colnames(gtex_z)
of_kind <- \(start) percent(sum(weights$weight[startsWith(weights$covariance, start)]))
sharing <- get_pairwise_sharing(fit)
brain <- grepl("^Brain_", colnames(gtex_z))
pairs <- upper.tri(sharing)
alike <- which(sharing == max(sharing[pairs]) & pairs, arr.ind = TRUE)[1L, ]
typical <- sort((rowSums(sharing) - 1) / (ncol(sharing) - 1))

alone <- apply(2 * stats::pnorm(-abs(gtex_z)), 2, stats::p.adjust, method = "BH") < 0.05

say(
  nrow(gtex_z), " units, ", ncol(gtex_z), " conditions, ", length(fit$fitted_g$pi),
  " components of the prior, of which ", sum(fit$fitted_g$pi > 1e-10), " are in use."
)
say(
  length(get_significant_results(fit)), " of the eQTL have an effect in at least one tissue (lfsr ",
  "< 0.05). A tissue sees ", percent(mean(lfsr < 0.05)), " of them; taken one tissue at a time",
  " (false discovery rate 5%), it would see ", percent(mean(alone)), "."
)
say(
  "Patterns of sharing learnt from the eQTL (ud_) have ", of_kind("ud_"), " of the weight, ",
  "effects in a set of similar tissues (branch_) ", of_kind("branch_"), ", effects in a single tissue ",
  percent(sum(weights$weight[specific])), ", the most for ",
  words(weights$covariance[specific][1L]), " (", percent(weights$weight[specific][1L]), ")."
)
say(
  "Two tissues share an effect when it has the same sign and its size is within a factor of two. ",
  "The most alike are ", words(rownames(sharing)[alike[1L]]), " and ",
  words(colnames(sharing)[alike[2L]]), " (", percent(sharing[alike[1L], alike[2L]]),
  " of effects shared). Brain tissues share ",
  percent(mean(sharing[brain, brain][upper.tri(sharing[brain, brain])])),
  " with one another and ", percent(mean(sharing[brain, !brain])), " with the others. ",
  "The tissue that shares least is ", words(names(typical)[1L]), " (", percent(typical[1L]),
  " with another on average)."
)

write_table(as.data.frame(fit), "gtex-effects")
write_table(weights, "gtex-weights")
write_table(data.frame(tissue = rownames(sharing), sharing, check.names = FALSE), "gtex-sharing")
save_picture(fit, "weights", "gtex-weights", 7, 5)
save_picture(fit, "sharing", "gtex-sharing", 9, 8)

# ---- Blood-cell traits ---------------------------------------------------------------------------
title("Blood-cell traits: 16 traits at two loci (blood_z)")

# Random rows say how common which effects are, and how the errors are correlated; the strong ones
# among them give the shapes of effects. Neighbours are in linkage disequilibrium: those of a block
# count as one. Posteriors are wanted of all strong rows.
z <- do.call(rbind, blood_z)
locus <- rep(names(blood_z), vapply(blood_z, nrow, 0L))
strength <- apply(abs(z), 1, max)
set.seed(1)
random <- sort(sample(nrow(z), 2000))
strong <- which(strength > 4.5)

prior <- learn_prior(mash_set_data(z[random, ]), blocks = random %/% 20)
V <- prior$V
posterior <- mash(mash_set_data(z[strong, ], V = V), g = prior, fixg = TRUE, verbose = FALSE)

off <- V
diag(off) <- 0
tied <- which(abs(off) == max(abs(off)), arr.ind = TRUE)[1L, ]
say(
  nrow(z), " variants; ", length(random), " random ones, in blocks of neighbours, teach the ",
  "prior, the ", length(strong), " with |z| > 4.5 in some trait get posteriors. The errors are ",
  "correlated, since all traits were ",
  "measured on the same people: ", words(rownames(V)[tied[1L]]), " and ",
  words(colnames(V)[tied[2L]]), " by ", format(V[tied[1L], tied[2L]], digits = 2), "."
)
say(
  "The weight of no effect at all is ", percent(prior$null_weight), ". That is not the share of ",
  "variants without effect: small effects everywhere would do as well."
)
for (name in names(blood_z)) {
  here <- which(locus[strong] == name)
  lead <- here[which.max(strength[strong][here])]
  effect <- get_pm(posterior)[lead, ][get_lfsr(posterior)[lead, ] < 0.05]
  effect <- effect[order(-abs(effect))]
  signs <- paste0(words(names(effect)), ifelse(effect > 0, " (up)", " (down)"))
  say(
    name, ": the strongest variant is ", rownames(z)[strong][lead], ", |z| up to ",
    format(strength[strong][lead], digits = 2), ". Its allele moves ", length(effect), " of ",
    ncol(z),
    " traits (lfsr < 0.05)", if (length(effect)) ", most of all ",
    paste(utils::head(signs, 4), collapse = ", "), "."
  )
}

say(
  "Only ", prior$learnt$n_strong, " blocks have a strong variant, which is few to learn the ",
  "shapes of effects in ", ncol(z), " traits from: calls at lfsr < 0.05 may be wrong more often than one ",
  "time in twenty. Variants of the whole genome would teach more."
)

write_table(as.data.frame(posterior), "blood-effects")
write_table(weights_table(posterior), "blood-weights")
save_picture(posterior, "weights", "blood-weights", 7, 4)

title("Written to ", folder, ":")
cat(paste0("  ", list.files(folder, "[.](csv|png)$")), sep = "\n")
cat(sprintf("\nDone in %.1f s\n", proc.time()[["elapsed"]] - started))
