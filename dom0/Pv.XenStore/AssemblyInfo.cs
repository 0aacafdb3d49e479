using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Pv.Tests")]
