# What objects of this package's classes hold, where their methods rely on it: a line for each
# part, with its name, its type and its sizes.
#
# Types: n numbers; v numbers, none missing or infinite; c whole numbers; p weights, which are v,
# not negative, and at least one; w words, or the words themselves as in effect|z; f TRUE or FALSE;
# l a list, L a list with names, t a data frame; o an object of such a class; a anything. With a
# question mark what may be missing. A size is a number, a letter that must mean the same wherever
# it stands in the object, _ for any, or + for one or more, and with a question mark may be missing
# itself; one size alone is a length. =K says that the number is the size K, found before. `a$b` is
# the part b of a, `a[]` is each element of a.

layouts <- list(
  mash_data = "Bhat n J R; Shat n J R; Shat_alpha n J R; V v R R J?; alpha n 1; missing f? J R;
    units effect|z? 1; commonV f? 1; weight n?",
  # Of contrasts: what it was before there were differences.
  mash_data_contrasts = "Bhat n J R; Shat n J R; Shat_alpha n J R; V v C C J?; alpha n 1;
    missing f? J R; units effect|z? 1; commonV f? 1; L n _ C; Shat_orig n? J C; LSVSLt n? R R J?;
    weight n?",
  mash_fit = "fitted_g l?; fitted_g$pi p P; fitted_g$Ulist L; fitted_g$Ulist[] v R R;
    fitted_g$grid v?; fitted_g$usepointmass f? 1; fitted_g$alpha n? 1;
    fitted_g$units effect|z? 1; alpha n? 1; loglik n? 1; vloglik n? J; null_loglik n? J;
    alt_loglik n? J; result l?; result$PosteriorMean n? J Q; result$PosteriorSD n? J Q;
    result$lfsr n? J Q; result$lfdr n? J Q; result$NegativeProb n? J Q;
    result$PositiveProb n? J Q; result$PosteriorCov n? Q Q J; result$PosteriorSamples n? J _ _;
    posterior_weights n? J _; n_units c? 1; convergence l?; convergence$converged f 1;
    convergence$message w 1; convergence$iterations c 1; convergence$stop w? 1;
    convergence$trace n?; learnt l?; learnt$by w? 1; null_interval n?",
  summary.mash = "n_units c? 1; n_conditions c 1; n_components c 1; loglik n? 1; alpha v 1;
    pi p; thresh n 1; n_significant n? 1; by_condition n? +; convergence l?;
    convergence$converged f 1; convergence$message w 1; convergence$iterations c 1;
    deficient n 1; rank_one n 1; null_interval n? 2; learnt l?; unasked f 1; product n? 1",
  mnmash_prior = "U L K; U[] v R R; w p K; null_weight v 1; units effect|z? 1;
    effect_model EE|EZ? 1; learnt l?; learnt$by w? 1; learnt$n_units c? 1; product l?",
  summary.mnmash_prior = "n_conditions c 1; conditions w? R; units effect|z? 1; learnt l?;
    product n? 1; lfsr_map l?; table t; table$component w; table$weight n; table$rank n;
    table$largest_sd n",
  mash_1by1 = "result l; result$PosteriorMean n J R; result$PosteriorSD n J R; result$lfsr n J R;
    loglik n 1; fitted_g l R; convergence l?; convergence$converged f 1; convergence$message w 1;
    convergence$iterations c 1",
  summary.mash_1by1 = "n_units c 1; n_conditions c 1; loglik n 1; thresh n 1; n_significant n 1;
    by_condition n +; convergence l?; convergence$converged f 1; convergence$message w 1;
    convergence$iterations c 1",
  mash_cv = "loglik t; loglik$set w; loglik$matrices n; loglik$loglik n; loglik$difference n;
    loglik$se n; vloglik n J _; folds a J; best w 1",
  mash_z_check = "conditions t; conditions$condition w; conditions$threshold n; conditions$n n;
    conditions$observed n; conditions$expected n; conditions$score n; pit n J R; moments l;
    moments$observed n R R; moments$expected n R R; moments$score n R R",
  summary.mash_z_check = "n n 1; n_conditions c 1; conditions t; conditions$condition w;
    conditions$threshold n; conditions$n n; conditions$observed n; conditions$expected n;
    conditions$score n; pairs t; pairs$a w; pairs$b w; pairs$observed n; pairs$expected n;
    pairs$score n",
  lfsr_calibration = "lower n; upper n; n n; lfsr n; wrong n; se n",
  mash_input = "strong.b n? S R; strong.s n? S R; random.b n? M R; random.s n? M R;
    null.b n? N R; null.s n? N R",
  ed = "U L K; U[] v R R; pi p K; means n? K R; loglik n 1; trace n +; n_iter c 1; converged f 1;
    message w 1; convergence l; ranks n K; objectives n; n_units c 1; units effect|z? 1",
  summary.ed = "components t; components$component w; components$pi n; components$rank n;
    components$largest_sd n; n_effects c 1; n_units c 1; loglik n 1; n_iter c 1; converged f 1;
    message w 1",
  mnmash_ud = "U L K; U[] v R R; w p K; components t; components$component w; components$kind w;
    components$weight n; components$units n; components$rank n; components$scale n; ranks n K;
    loglik n +; objective n +; converged f 1; message w 1; convergence l; n_iter c 1;
    n_rejected c 1; starts n; V n R R; metric n R R; penalty w 1; lambda n 1; update w 1;
    alpha n 1; units effect|z? 1; n_units c 1; dropped w",
  summary.mnmash_ud = "components t; components$component w; components$kind w;
    components$weight n; components$units n; components$rank n; components$scale n; update w 1;
    penalty w 1; lambda n 1; converged f 1; message w 1; n_iter c 1; n_rejected c 1; alpha n 1;
    n_units c 1; dropped w; n_conditions c 1; loglik n 1; objective n 1",
  mr_ash = "beta n P; posterior_sd n P; lfsr n P; lfdr n P; pi p K; sa2 p K; sigma2 p 1;
    dirichlet n? K; pve n? 1; Bhat n P; Shat n P; elbo n 1; trace t; trace$iteration n;
    trace$elbo n; trace$sigma2 n; trace$change n; trace$weights n; iterations c 1; converged f 1;
    message w 1; convergence l; n c 1; p c =P; scale n? P; scaled_prior f 1; covariates n?;
    fitted n? N;
    y n? N; terms l?; terms$named f 1",
  summary.mr_ash = "fit o; pve n? 1; pi t; pi$sd n; pi$pi n; top t; top$predictor a; top$mean n;
    top$sd n; top$lfsr n",
  mr_mash = "mu1 n P R; intercept n? R; V n R R; w0 p K; S0 L K; S0[] v R R;
    expected_counts n? K; ELBO n 1; trace t; trace$iteration n; trace$elbo n; convergence l;
    convergence$converged f 1; convergence$message w 1; residual w 1; update_w0 f 1;
    statistics n P R; precision n P; scale n? P; psd n? P R; lfsr n? P R; S1 n? R R P;
    fitted n? N R; residuals n? N R; covariates n? _ R; G n? R R; pve n? R; standardize f 1; n n +;
    terms l?; terms$named f 1",
  summary.mr_mash = "fit o; pve n?; weights p; significant n?",
  mnmash_varbvs = "pip n P; beta n P; lfsr n P; covariates n?; pve n? 1; family w 1; logodds n G;
    grid_prior p G; elbo n G; weights p G; sigma p G; sa p G; iterations c G; converged f G;
    alpha n P G; mu n P G; s n P G; near l; near$variable n; near$correlation n _ _; trace l;
    convergence l; n c 1; p c =P; linear n N; y n N; terms l?; terms$named f 1",
  summary.mnmash_varbvs = "fit o; grid t; grid$logodds n; grid$elbo n; grid$weight n;
    grid$sigma n; grid$sa n; top t; top$predictor a; top$pip n; top$mean n; top$lfsr n",
  deconvolved = "Bhat n P R; Shat n P R; V n? R R; PosteriorMean n? P R; PosteriorSD n? P R;
    lfsr n? P R; sigma2 p? R; converged f? R; convergence l?; method w 1; fits l? R; fits[] o;
    fit o?",
  summary.deconvolved = "fit o; conditions t; conditions$condition w; conditions$sigma2 n;
    conditions$pve n; conditions$significant n; conditions$converged f",
  deconvolution_check = "loglik n; best n; gap n; pi_difference n; converged f",
  posterior_contrast = "[] n",
  finemap = "alpha n L P; lbf_variable n? L P; lbf n L; scale n L; V n R R; effects L L; near l;
    lead_ld n P _; convergence l; convergence$message w 1; elbo n +; converged f 1; pip n P;
    coef n P R; intercept n? R; lfsr n P R; single_effect_lfsr n L R; n_iter c 1; message w 1;
    data l; data$kind w 1; data$p c =P; data$R c =R; data$n n?; data$variables w? P; data$conditions
    w? R; covariates n? _ R; prior l?; prior_weights n? P; options l?; sets l; sets[] l; effects[]
    l; effects[]$variable n; effects[]$mean n; effects[]$sd n; effects[]$lfsr n; effects[]$weights
    n?; sets[]$variables a; background l?; sets[]$coverage n; sets[]$purity n; terms l?;
    terms$named f 1",
  credible_sets = "[] l; []$variables n; []$alpha n; []$coverage n 1; []$purity n 3",
  summary.finemap = "set w; sentinel a; pip n; size n; coverage n; purity n; log_bf n;
    probability n; condition w; effect n; se n; lfsr n; active f",
  finemap_data = "kind rows|suffstat|sumstats 1; variables w? P; conditions w? R; p n 1; R n 1;
    n n?; X n? N P; Y n? N R; covariates n? N _; terms l?; terms$named f 1; Z n? P R; LD a?;
    XtX a?; XtY n? P R; YtY n? R R",
  fqtl = "u l; u$pip n _ K; u$mean n _ K; u$sd n _ K; u$pi n? K; u$tau n? K; v l; v$pip n _ K;
    v$mean n M K; v$sd n M K; v$pi n? K; v$tau n? K; rank c =K; scores n N K; covariates n _ M;
    covariates_sd n? _ M; dispersion l?; dispersion$value n?; dispersion$theta n?;
    dispersion$se n?; eta n N M; eta_sd n N M; elbo n +; elbo_se n? 1; converged f 1; n_iter c 1;
    convergence l; convergence$message w 1; family w 1; nb_link w? 1; u_prior w 1; nonneg f 1;
    X_means n? P; Y_unit n? M; has_offset f 1; fitted.values n N M; residuals n N M; B n? P M;
    B_sd n? P M; direct l?; direct$pip n? P M; direct$mean n? P M; direct$sd n? P M; terms l?;
    terms$named f 1",
  summary.fqtl = "fit o; factors t?; pve n?",
  enrich = "coef t; coef$estimate n; prior_weights l G; prior_weights[] n; pip L G; pip[] n;
    loci t; loci$locus a; loci$size n; loglik n; converged f 1; n_iter c 1; convergence l;
    convergence$message w 1; method w 1; penalty n? 1; fits l?; coef$lower n?; coef$upper n?;
    coef$p_value n?; loci$p_null n?; loci$fdr n?; loci$effects n?",
  summary.enrich = "coef t; coef$estimate n; loci n 1; predictors n 1; method w 1; loglik n 1;
    found n; converged f 1",
  bmass = "log10_bf n M J; log10_bf_average n J; posterior n M J; marginal n J R 3; top t;
    top$model w; top$probability n; top$log10_bf n; models w M R; weights n M _; V n R R",
  summary.bmass = "n_units c 1; threshold n 1; counts n R 3",
  mnm = "prior o; V v? R R; trace t?; regions t?; conditions w? R; sets t?; calls t?;
    variants t?; effects l?; failures t?; convergence l?",
  mnm_regions = "table t; conditions w? R; failures t; source l; of_each l; sizes n",
  qc_sumstats = "s n +; variables t; variables$predictor w; variables$condition w; variables$z n;
    variables$expected n; variables$sd n; variables$p_value n; variables$outlier f;
    variables$flip f; LD a P P; least_eigenvalue n 1"
)
