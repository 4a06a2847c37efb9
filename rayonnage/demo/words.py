"""The words of each genre. Genres share words on purpose: one word rarely tells the category."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Genre:
    """What the covers of one category are composed from.

    Attributes:
        nouns: heads of titles, with their article.
        complements: what may follow a noun.
        titles: other forms than noun and complement; `{n}` and `{c}` stand for one of each.
        subtitles: lines that some covers carry under the title.
        phrases: what the back cover is made of.
    """

    nouns: tuple[str, ...]
    complements: tuple[str, ...]
    titles: tuple[str, ...]
    subtitles: tuple[str, ...]
    phrases: tuple[str, ...]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


def _genre(nouns: str, complements: str, titles: str, subtitles: str, phrases: str) -> Genre:
    return Genre(_split(nouns), _split(complements), _split(titles), _split(subtitles), _split(phrases))


SHARED = _genre(
    "Le Secret|La Nuit|L'Été|Le Retour|La Promesse|Le Silence|L'Ombre|La Maison|Le Voyage|Un Hiver|Les Années|"
    "La Lumière|Le Jardin|La Dernière Heure|Le Rêve|Une Étoile",
    "de Clara|d'un été|de la mer|sans fin|du Sud|des anges|de Paris|sans nom|de minuit|à jamais|de l'île|d'hier",
    "{n}",
    "nouvelle édition|texte intégral|édition limitée",
    "Un succès en France.|À découvrir absolument.|Enfin réédité.|Plus de 100 000 exemplaires.",
)
"""Titles that could stand in any category."""

GENRES: dict[str, Genre] = {
    "romance": _genre(
        "Le Baiser|La Fiancée|L'Amant|Un Mariage|Le Cœur|La Passion|Le Duc|Une Héritière|La Mariée|Le Secret|"
        "Un Amour|La Promesse|Le Séducteur|Une Nuit|La Tentation|Le Milliardaire|L'Été|La Duchesse|Le Rendez-vous",
        "du duc|de l'amour|d'un play-boy|sous la neige|du prince|rebelle|de Noël|en Toscane|du cheikh|à Paris|"
        "de ma vie|si tendre|à prendre|du médecin|au clair de lune|d'un seul été|de Venise",
        "{n}|Aimer à nouveau|Pour l'amour {c}|{n} et le duc|Si tu m'aimes|Toi, mon amour",
        "roman d'amour|romance|Collection Passions|roman sentimental",
        "Elle ne croyait plus à l'amour.|Son regard la troublait.|Un baiser suffit parfois.|"
        "Leur mariage était arrangé.|"
        "Que faire quand le cœur bat ?|Il était riche, beau et seul.|Une passion impossible.|Elle revient au village.",
    ),
    "crime": _genre(
        "Le Crime|L'Enquête|Le Cadavre|La Mort|Le Témoin|L'Affaire|Le Commissaire|Un Meurtre|L'Assassin|Le Suspect|"
        "La Victime|Le Poison|L'Indice|Le Mystère|Le Secret|L'Inspecteur|La Noyée|Le Mobile|L'Ombre",
        "de la rue Noire|du canal|de l'Orient|en Bretagne|du notaire|du quai 9|à minuit|de l'hôtel|sans visage|"
        "du port|de Montmartre|au manoir|de Lyon|du vicaire|sous la pluie|de la gare|en eaux troubles",
        "{n}|Meurtre {c}|Mort {c}|{n} mène l'enquête|Qui a tué Clara ?|Crime {c}",
        "roman policier|une enquête de Morel|polar|Prix du quai",
        "Un corps est repêché à l'aube.|Le commissaire n'y croit pas.|Tous avaient un mobile.|"
        "L'arme reste introuvable.|"
        "Qui ment dans ce village ?|Un témoin disparaît.|L'enquête piétine.|La police interroge le notaire.",
    ),
    "thriller": _genre(
        "La Traque|L'Otage|Le Tueur|La Cible|Le Complot|La Fuite|Le Piège|La Peur|Le Code|L'Évasion|La Menace|"
        "Le Virus|La Disparue|Le Silence|La Proie|Le Témoin|La Mort|Le Chantage",
        "en série|sans issue|du Kremlin|à haut risque|de sang|en sursis|du FBI|en plein vol|sous contrôle|sans visage|"
        "de l'ombre|extrême|à abattre|jusqu'à l'aube|zéro|du sniper",
        "{n}|Compte à rebours|Ne te retourne pas|Traqués|72 heures {c}|Alerte {c}",
        "thriller|un suspense haletant|best-seller mondial|suspense",
        "Il lui reste trois heures.|Le tueur connaît son nom.|Un virus s'échappe.|Personne ne la croit.|"
        "Fuir ou mourir.|"
        "Un complot au sommet.|Le FBI perd sa trace.|Sa fille a été enlevée.",
    ),
    "science_fiction": _genre(
        "La Planète|Le Vaisseau|L'Empire|Les Robots|La Galaxie|Le Cyborg|Les Machines|La Colonie|L'Androïde|"
        "Une Étoile|Le Portail|Les Mondes|L'Exode|La Station|Le Voyage|Le Temps|Mars|La Cité|Les Ombres|Le Code",
        "d'Orion|de l'espace|du futur|de Titan|du ciel|sans nom|des clones|de silicium|en l'an 3000|de Mars|"
        "de la galaxie|des étoiles|de métal|sans soleil|de l'hyperespace|d'Andromède",
        "{n}|Chroniques {c}|{n}, tome 2|Odyssée {c}|Au-delà {c}|Guerre {c}",
        "science-fiction|space opera|cycle d'Orion, tome 1|roman d'anticipation",
        "En l'an 3000, la Terre est vide.|Le vaisseau ne répond plus.|Les androïdes rêvent.|Une colonie oubliée.|"
        "L'empire galactique vacille.|Un signal venu de Titan.|Le temps se replie.|Les machines ont parlé.",
    ),
    "desserts": _genre(
        "Les Tartes|Les Gâteaux|Mes Crèmes|Le Chocolat|Les Macarons|Les Glaces|Verrines|Biscuits|Les Fromages|"
        "Les Crêpes|Le Caramel|Les Sablés|Petits Fours|Cupcakes|La Pâtisserie|Mes Desserts|Clafoutis|Éclairs",
        "maison|de grand-mère|aux fruits|pas à pas|sans four|de Bretagne|du goûter|express|au chocolat|d'été|"
        "minute|de Noël|sans sucre|pour enfants|de chef|en 20 minutes|et confitures",
        "{n}|100 recettes : {n}|Tout sucre|J'aime le chocolat|{n} & Cie|Douceurs {c}",
        "60 recettes|recettes sucrées|pas à pas|les meilleures recettes",
        "Préchauffez le four à 180 °C.|Battez les œufs et le sucre.|Ajoutez la farine tamisée.|Une pincée de sel.|"
        "Laissez refroidir une heure.|Un plaisir gourmand.|Nappez de chocolat fondu.|Pour six personnes.",
    ),
    "wine": _genre(
        "Les Vins|Le Guide|Les Cépages|Bordeaux|Champagnes|La Cave|Le Terroir|Whiskies|Cocktails|La Dégustation|"
        "Les Bières|Le Rhum|Vignobles|Les Crus|Bourgogne|Cognacs|Le Sommelier|Le Goût",
        "de France|de Loire|du monde|d'exception|et terroirs|de garde|pour débutants|de Bourgogne|du Sud|"
        "en 50 fiches|"
        "maison|d'Alsace|et accords|du vin|d'été|de chef",
        "{n}|Le vin, c'est facile|Atlas {c}|100 cocktails|Route des vins {c}|{n} : le guide",
        "guide d'achat|le grand atlas|2000 bouteilles notées|accords mets et vins",
        "Robe grenat, nez de cassis.|Servir à 16 °C.|Un cru élevé en fût.|Des vignerons passionnés.|"
        "À boire ou à garder.|"
        "Tanins souples en bouche.|Accords mets et vins.|Les meilleurs millésimes.",
    ),
    "gardening": _genre(
        "Le Jardin|Le Potager|Les Roses|Les Arbres|Fleurs|Le Compost|La Taille|Le Verger|Orchidées|Les Plantes|"
        "Le Balcon|Semis|Le Gazon|Les Haies|Bouturer|Les Légumes|Vivaces|Les Fruits|Bonsaïs",
        "bio|de curé|sans effort|en pot|au naturel|mois par mois|d'ombre|sans arroser|en fleurs|d'été|de ville|"
        "en carrés|du soleil|pour débutants|du Midi|de grand-mère|en 10 leçons",
        "{n}|Jardiner {c}|Cultiver : {n}|{n} au fil des saisons|Mon premier potager|Je taille {c}",
        "le guide du jardinier|semer, planter, récolter|200 plantes|conseils pratiques",
        "Semez en mars sous abri.|Arrosez le soir au pied.|Paillez les jeunes plants.|Un sol bien drainé.|"
        "Taillez après la floraison.|Récoltez dès juillet.|Contre les pucerons.|Mi-ombre ou plein soleil.",
    ),
    "french_pop": _genre(
        "Ma Chanson|Les Années|Mon Amour|Je t'aime|Les Mots|Paris|La Vie|Le Temps|Ma Vie|Une Étoile|Mes Amis|La Mer|"
        "Le Cœur|Demain|Mes 20 ans|L'Été|Les Filles|Danser",
        "en chansons|à l'Olympia|d'amour|en bleu|pour toi|sans toi|en rose|sur scène|de ma vie|tout simplement|"
        "de Paris|"
        "d'hier|à nouveau|au soleil|du bal|des copains",
        "{n}|Best of|{n} - Live|Chante Brel|Ses plus belles chansons|L'intégrale {c}",
        "variété française|ses plus grands succès|live à l'Olympia|chanson française",
        "Je t'attendrai|Mon vieux Paris|Les amoureux|Rue des Lilas|La valse|Reviens-moi|Dis, l'ami|Tout va bien",
    ),
    "classical": _genre(
        "Symphonie n° 5|Requiem|Sonates|Concertos|Nocturnes|Préludes|La Flûte|Les Quatuors|Messe|Valses|L'Opéra|"
        "Études|Le Lac|Suites|Symphonie n° 9|Cantates|Lieder|Ballades|Rêve",
        "de Mozart|de Chopin|pour piano|de Bach|de Ravel|pour violon|en ré mineur|de Schubert|d'amour|de Vivaldi|"
        "de Fauré|en si bémol|pour cordes|op. 27|de Haydn|de nuit",
        "{n}|Bach : {n}|Mozart : {n}|Œuvres {c}|Chopin : {n}|Récital {c}",
        "Orchestre de Lyon|musique classique|direction : K. Weber|piano et orchestre",
        "Allegro con brio|Andante|Adagio sostenuto|Menuetto|Presto|Largo|Scherzo|Finale : allegro",
    ),
    "jazz": _genre(
        "Blue Train|Swing|Blue Moon|Le Jazz|Trio|Saxophone|Quartet|Blues|Saint-Germain|New Orleans|Be-bop|Midnight|"
        "Trompette|The Duke|Round Nights|Harlem|Ballads|Cool|Nuit",
        "in Paris|sessions|blues|manouche|au Village|by night|swing|in blue|de minuit|et son trio|live 1959|"
        "in Harlem|"
        "du Sud|quartet|pour Django|so what",
        "{n}|Kind of {n}|{n} - Live|The best of {n}|Jazz {c}|{n} & Blues",
        "jazz - blues|remastered 1961|quartet|the complete sessions",
        "Blue Rose|So long, baby|Take it slow|Summer swing|Django's tune|Minor blues|My funny day|Round the corner",
    ),
    "metal": _genre(
        "Hell|Black Steel|Iron Night|Death|Thunder|Inferno|Blood|Killer|Apocalypse|The Beast|Chaos|Dark Empire|War|"
        "Fire|Skulls|Demons|Rage|L'Enfer|Midnight",
        "and fire|of doom|from hell|of steel|rising|in black|of the damned|machine|till death|never dies|of war|"
        "is coming|sessions|of blood|tour live|noir",
        "{n}|{n} - Live|Master of {n}|Born in {n}|Kill the {n}|Burn {c}",
        "heavy metal|hard rock|world tour|double album",
        "Burn them all|Steel wings|No mercy|Death rider|Black altar|Scream|Chains of rage|Into the fire",
    ),
    "rap": _genre(
        "Ma Rue|Le Bitume|Street|Mon Quartier|Flow|La Zone|Béton|Ghetto|Mes Frères|Le Son|Freestyle|La Rage|Block|"
        "Le Biz|Ma Ville|Microphone|Punchlines|Le Code|La Nuit",
        "du 93|de rue|de Marseille|sans pitié|du bloc|en cash|hip-hop|de la zone|vol. 2|mixtape|du ghetto|d'or|"
        "à l'ancienne|sous pression|du Sud|sans filtre",
        "{n}|Rap {c}|{n}, vol. 3|Représente {c}|MC {n}|Hip-hop {c}",
        "rap français|hip-hop|explicit lyrics|la mixtape",
        "Intro (mic check)|Pour mes frères|Rue 13|Cash ou rien|Dans le bloc|Flow mortel|Freestyle 2|Ma daronne",
    ),
    "nursery": _genre(
        "Comptines|Mes Berceuses|Chansons|Rondes|Le Petit Ours|Les Lapins|Le Loup|Doudou|Petit Escargot|La Souris|"
        "Mon Âne|Les Canards|Dodo|Pirouette|La Nuit|Le Jardin",
        "des petits|pour bébé|de Noël|à mimer|de la ferme|pour dormir|du matin|de la crèche|à danser|de l'école|"
        "en chansons|des animaux|de maman|pour rire|d'été",
        "{n}|50 comptines|Chantons {c}|{n}, 0-3 ans|Au clair de la lune|Frère Jacques",
        "pour les tout-petits|0-3 ans|chansons pour enfants|avec les paroles",
        "Petit escargot|Ainsi font, font|Une souris verte|Dodo, l'enfant do|Les petits canards|Savez-vous planter|"
        "Pirouette|Le petit ver",
    ),
}
"""Motif -> its words. The names of books and of discs are the motifs of `shelves`."""

FIRST_NAMES = _split(
    "Anne|Jean|Marie|Paul|Hélène|Éric|Chloé|Louis|Léa|Marc|Inès|Hugo|Zoé|Rémi|Élise|Noël|Agnès|Théo|Kate|John|Sarah|"
    "Mike|Nora|Tom"
)
LAST_NAMES = _split(
    "Lefèvre|Moreau|Dubois|Garnier|Bérard|Leroy|Roux|Chevalier|Blanc|Fournier|Girard|Prévost|Marchand|Lemaître|"
    "Barbier|Carré|Walker|Stone|Brooks|Klein|Rossi|Novak|Hall|Martinez|Noël|Perrin|Sanchez|Guérin"
)
HOUSES = _split(
    "Éditions du Parc|Le Phare|Lumen|Hirondelle|Atlante|Poche 10|Rive droite|Delta|Le Chêne|Opale|Nova|Azur"
)
