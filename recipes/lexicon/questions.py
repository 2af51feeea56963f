"""Questions of the development repositories in eight languages, to choose constants by.

Translated by hand on 2026-11-28, from the English wording alone, before any answer was looked at.
`python recipes/lexicon/questions.py ANNOTATIONS > questions.jsonl` writes them with the files that
answer them, as the annotations of the repository benchmark name those.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LANGUAGES = ("zh", "ja", "ko", "de", "ru", "es", "fr", "pt")
QUESTIONS = """
aiohttp | how the web application sets up and tears down on startup
Web 应用启动时如何初始化和清理
Web アプリケーションの起動時の準備と後片付けはどう行われるか
웹 애플리케이션이 시작할 때 설정하고 종료할 때 정리하는 방법
wie die Webanwendung beim Start eingerichtet und wieder abgebaut wird
как веб-приложение настраивается и завершается при запуске
cómo se prepara y se desmonta la aplicación web al arrancar
comment l'application web s'initialise et se termine au démarrage
como a aplicação web é preparada e desmontada na inicialização
curl | how curl checks whether an existing connection can be reused
curl 如何检查现有连接是否可以复用
curl は既存の接続を再利用できるかどうかをどう確認するか
curl이 기존 연결을 재사용할 수 있는지 확인하는 방법
wie curl prüft, ob eine bestehende Verbindung wiederverwendet werden kann
как curl проверяет, можно ли повторно использовать существующее соединение
cómo comprueba curl si se puede reutilizar una conexión existente
comment curl vérifie si une connexion existante peut être réutilisée
como o curl verifica se uma conexão existente pode ser reaproveitada
fastapi | how are path parameters extracted and type-converted
路径参数是如何提取并转换类型的
パスパラメータはどのように取り出されて型変換されるか
경로 매개변수는 어떻게 추출되고 타입이 변환되나요
wie werden Pfadparameter ausgelesen und in ihren Typ umgewandelt
как извлекаются параметры пути и преобразуются их типы
cómo se extraen los parámetros de ruta y se convierte su tipo
comment les paramètres de chemin sont-ils extraits et convertis dans leur type
como os parâmetros de caminho são extraídos e convertidos de tipo
laravel-framework | cache store repository and driver abstraction
缓存存储仓库与驱动抽象
キャッシュストアのリポジトリとドライバの抽象化
캐시 저장소와 드라이버 추상화
Abstraktion von Cache-Speicher und Treiber
абстракция хранилища кэша и драйвера
abstracción del repositorio de caché y de sus controladores
abstraction du dépôt de cache et des pilotes
abstração do repositório de cache e dos drivers
phoenix | how Phoenix routes are defined and dispatched to controller actions
Phoenix 的路由是如何定义并分发到控制器动作的
Phoenix のルートはどのように定義されてコントローラーのアクションに振り分けられるか
Phoenix 라우트는 어떻게 정의되고 컨트롤러 액션으로 전달되나
wie Phoenix-Routen definiert und an Controller-Aktionen weitergeleitet werden
как в Phoenix определяются маршруты и передаются действиям контроллера
cómo se definen las rutas de Phoenix y se despachan a las acciones del controlador
comment les routes de Phoenix sont définies et transmises aux actions du contrôleur
como as rotas do Phoenix são definidas e despachadas para as ações do controlador
plug | Plug.Parsers for parsing request body content types
Plug.Parsers 解析请求体的内容类型
リクエスト本文のコンテンツタイプを解析する Plug.Parsers
요청 본문의 콘텐츠 유형을 파싱하는 Plug.Parsers
Plug.Parsers zum Einlesen des Anfragerumpfs nach Inhaltstyp
Plug.Parsers для разбора тела запроса по типу содержимого
Plug.Parsers para analizar el cuerpo de la petición según el tipo de contenido
Plug.Parsers pour analyser le corps de la requête selon son type de contenu
Plug.Parsers para analisar o corpo da requisição conforme o tipo de conteúdo
pydantic | how to serialize models to JSON
怎么把模型序列化成 JSON
モデルを JSON にシリアライズする方法
모델을 JSON으로 직렬화하는 방법
wie man Modelle nach JSON serialisiert
как сериализовать модели в JSON
cómo serializar modelos a JSON
comment sérialiser les modèles en JSON
como serializar modelos para JSON
requests | cookie storage and persistence
Cookie 的存储与持久化
Cookie の保存と永続化
쿠키 저장과 지속성
Speicherung und Dauerhaftigkeit von Cookies
хранение и сохранение cookie
almacenamiento y persistencia de cookies
stockage et persistance des cookies
armazenamento e persistência de cookies
tokio | how the async mutex prevents concurrent access
异步互斥锁如何防止并发访问
非同期ミューテックスはどうやって同時アクセスを防ぐか
비동기 뮤텍스가 동시 접근을 막는 방법
wie der asynchrone Mutex gleichzeitigen Zugriff verhindert
как асинхронный мьютекс предотвращает одновременный доступ
cómo impide el mutex asíncrono el acceso concurrente
comment le mutex asynchrone empêche l'accès concurrent
como o mutex assíncrono impede o acesso concorrente
xmonad | how xmonad reads and applies user configuration at startup
xmonad 启动时如何读取并应用用户配置
xmonad は起動時にユーザー設定をどう読み込んで適用するか
xmonad가 시작할 때 사용자 설정을 읽고 적용하는 방법
wie xmonad beim Start die Benutzerkonfiguration liest und anwendet
как xmonad читает и применяет пользовательские настройки при запуске
cómo lee y aplica xmonad la configuración del usuario al arrancar
comment xmonad lit et applique la configuration de l'utilisateur au démarrage
como o xmonad lê e aplica a configuração do usuário na inicialização
zls | how zls provides code actions for quick fixes
zls 如何提供快速修复的代码操作
zls はクイックフィックスのコードアクションをどう提供するか
zls가 빠른 수정을 위한 코드 작업을 제공하는 방법
wie zls Codeaktionen für schnelle Korrekturen bereitstellt
как zls предоставляет действия кода для быстрых исправлений
cómo ofrece zls acciones de código para correcciones rápidas
comment zls fournit des actions de code pour les corrections rapides
como o zls fornece ações de código para correções rápidas
click | test runner for CLI commands in isolation
隔离运行命令行命令的测试运行器
CLI コマンドを隔離して実行するテストランナー
CLI 명령을 격리해서 실행하는 테스트 러너
Testläufer für isolierte Kommandozeilenbefehle
запуск тестов команд командной строки в изоляции
ejecutor de pruebas para comandos de consola aislados
lanceur de tests pour des commandes en ligne de commande isolées
executor de testes para comandos de linha de comando isolados
gin | query parameter and URL path variable extraction
查询参数和 URL 路径变量的提取
クエリパラメータと URL パス変数の取得
쿼리 매개변수와 URL 경로 변수 추출
Auslesen von Abfrageparametern und Pfadvariablen der URL
извлечение параметров запроса и переменных пути URL
extracción de parámetros de consulta y variables de la ruta de la URL
extraction des paramètres de requête et des variables du chemin de l'URL
extração de parâmetros de consulta e variáveis do caminho da URL
commons-lang | exception cause chain traversal and stack trace utilities
遍历异常原因链以及堆栈跟踪工具
例外の原因チェーンの走査とスタックトレースのユーティリティ
예외 원인 체인 순회와 스택 추적 유틸리티
Durchlaufen der Ursachenkette von Ausnahmen und Hilfen für Stapelverfolgung
обход цепочки причин исключений и утилиты трассировки стека
recorrido de la cadena de causas de una excepción y utilidades de traza de pila
parcours de la chaîne des causes d'exception et utilitaires de trace de pile
percurso da cadeia de causas de exceção e utilitários de rastreamento de pilha
vapor | how serve and boot commands start the Vapor HTTP server
serve 和 boot 命令如何启动 Vapor HTTP 服务器
serve と boot コマンドは Vapor の HTTP サーバーをどう起動するか
serve와 boot 명령이 Vapor HTTP 서버를 시작하는 방법
wie die Befehle serve und boot den HTTP-Server von Vapor starten
как команды serve и boot запускают HTTP-сервер Vapor
cómo arrancan los comandos serve y boot el servidor HTTP de Vapor
comment les commandes serve et boot démarrent le serveur HTTP de Vapor
como os comandos serve e boot iniciam o servidor HTTP do Vapor
zod | how ZodType base class parses and validates input values
ZodType 基类如何解析并校验输入值
基底クラス ZodType は入力値をどう解析して検証するか
기본 클래스 ZodType이 입력값을 파싱하고 검증하는 방법
wie die Basisklasse ZodType Eingabewerte einliest und überprüft
как базовый класс ZodType разбирает и проверяет входные значения
cómo analiza y valida los valores de entrada la clase base ZodType
comment la classe de base ZodType analyse et valide les valeurs d'entrée
como a classe base ZodType analisa e valida os valores de entrada
telescope.nvim | how picker layout strategies position the floating windows
选择器的布局策略如何放置浮动窗口
ピッカーのレイアウト戦略はフローティングウィンドウをどう配置するか
피커 레이아웃 전략이 플로팅 창을 배치하는 방법
wie die Layoutstrategien des Pickers die schwebenden Fenster anordnen
как стратегии компоновки размещают плавающие окна
cómo colocan las ventanas flotantes las estrategias de diseño del selector
comment les stratégies de disposition du sélecteur placent les fenêtres flottantes
como as estratégias de layout do seletor posicionam as janelas flutuantes
dapper | how Dapper Query maps SQL results to typed objects
Dapper 的 Query 如何把 SQL 结果映射为强类型对象
Dapper の Query は SQL の結果を型付きオブジェクトにどうマッピングするか
Dapper Query가 SQL 결과를 타입이 있는 객체로 매핑하는 방법
wie Dapper Query SQL-Ergebnisse auf typisierte Objekte abbildet
как Dapper Query отображает результаты SQL в типизированные объекты
cómo asigna Dapper Query los resultados de SQL a objetos tipados
comment Dapper Query fait correspondre les résultats SQL à des objets typés
como o Dapper Query mapeia resultados SQL para objetos tipados
rails | how generators are discovered and registered
生成器是如何被发现和注册的
ジェネレータはどのように見つけられて登録されるか
제너레이터는 어떻게 발견되고 등록되는가
wie Generatoren gefunden und registriert werden
как обнаруживаются и регистрируются генераторы
cómo se descubren y registran los generadores
comment les générateurs sont découverts et enregistrés
como os geradores são descobertos e registrados
kotlinx-coroutines | Job interface and coroutine lifecycle management
Job 接口与协程生命周期管理
Job インターフェースとコルーチンのライフサイクル管理
Job 인터페이스와 코루틴 생명주기 관리
Job-Schnittstelle und Verwaltung des Lebenszyklus von Koroutinen
интерфейс Job и управление жизненным циклом корутин
interfaz Job y gestión del ciclo de vida de las corrutinas
interface Job et gestion du cycle de vie des coroutines
interface Job e gerenciamento do ciclo de vida das corrotinas
"""


def main(annotations: Path) -> None:
    """Write the questions, one JSON object a line."""
    lines = QUESTIONS.strip().split("\n")
    step = len(LANGUAGES) + 1
    for start in range(0, len(lines), step):
        repository, english = lines[start].split(" | ", 1)
        known = json.loads((annotations / f"{repository}.json").read_text(encoding="utf-8"))
        wanted = next(one for one in known if one["query"] == english)
        for language, query in zip(LANGUAGES, lines[start + 1 : start + step], strict=True):
            row = {"repository": repository, "language": language, "query": query}
            row |= {"english": english}
            row |= {kind: wanted[kind] for kind in ("relevant", "secondary")}
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
