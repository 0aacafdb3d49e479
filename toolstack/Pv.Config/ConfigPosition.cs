namespace Pv.Config;

/// <summary>A place in a configuration file, counted from 1; both 0 for the file as a whole.</summary>
public readonly record struct ConfigPosition(int Line, int Column);
