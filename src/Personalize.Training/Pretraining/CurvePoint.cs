namespace Personalize.Training.Pretraining;

/// <summary>One point of a training curve.</summary>
/// <param name="Step">How many steps were taken before.</param>
/// <param name="Tokens">How many tokens were trained on.</param>
/// <param name="TrainLoss">The mean loss of the steps since the point before, in nats a token; NaN before the first step.</param>
/// <param name="DevLoss">The mean loss on the dev dialogues, in nats a token.</param>
/// <param name="DevBitsPerByte">The same as bits a byte: the loss of all tokens, the marks between turns included, over the bytes of the turns' text.</param>
/// <param name="LearningRate">The rate of the last step.</param>
/// <param name="Elapsed">The time the run took so far.</param>
public sealed record CurvePoint(int Step, long Tokens, double TrainLoss, double DevLoss, double DevBitsPerByte, double LearningRate, TimeSpan Elapsed);
