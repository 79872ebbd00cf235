namespace Personalize.Training.Optimizers;

/// <summary>How the learning rate goes on after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>Along a line down to a fraction of the peak.</summary>
    Linear,

    /// <summary>At the peak to the end.</summary>
    Constant,

    /// <summary>Along half a cosine down to a fraction of the peak (arXiv 1608.03983, without restarts).</summary>
    Cosine,
}
